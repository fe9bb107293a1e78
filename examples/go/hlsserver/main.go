// Command hlsserver takes RTMP and serves HLS and LL-HLS: hlsserver -rtmp 127.0.0.1:1935 -http 127.0.0.1:8080
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"streamcore.example/streamcore"
)

// Server holds the streams by their paths.
type Server struct {
	mu      sync.Mutex
	streams map[string]*entry
	start   time.Time
}

type entry struct {
	stream *streamcore.Stream
	live   bool
}

// NewServer makes a server without streams.
func NewServer() *Server {
	return &Server{streams: map[string]*entry{}, start: time.Now()}
}

func (s *Server) now() uint64 { return uint64(time.Since(s.start).Microseconds()) }

// claim makes the caller the publisher of a path.
func (s *Server) claim(path string) (*streamcore.Stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.streams[path]
	if found == nil {
		stream, err := streamcore.NewStream(2000, 200, uint64(time.Now().UnixMilli()))
		if err != nil {
			return nil, err
		}
		found = &entry{stream: stream}
		s.streams[path] = found
	}
	if found.live {
		return nil, fmt.Errorf("%s is live already", path)
	}
	found.live = true
	return found.stream, found.stream.Begin()
}

func (s *Server) release(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.streams[path]; found != nil && found.live {
		found.live = false
		if err := found.stream.End(); err != nil {
			log.Printf("%s: %v", path, err)
		}
	}
}

// publisher is what one connection publishes.
type publisher struct {
	path   string
	stream *streamcore.Stream
}

func (s *Server) events(session *streamcore.Session, at *publisher) error {
	for {
		event, err := session.PollEvent()
		if err != nil || event == nil {
			return err
		}
		switch event.Type {
		case streamcore.Publish:
			name := event.App + "/" + event.Name
			stream, err := s.claim(name)
			if err != nil {
				log.Print(err)
				session.Reject(event.Request)
				continue
			}
			*at = publisher{name, stream}
			log.Printf("%s is live", name)
			session.Accept(event.Request)
		case streamcore.Play:
			session.Reject(event.Request)
		case streamcore.Media:
			if at.stream != nil {
				if err := at.stream.Handle(event.Kind, event.Timestamp, event.Payload, time.Now().UnixMicro()); err != nil {
					log.Printf("%s: %v", at.path, err)
				}
			}
			event.Payload.Release()
		case streamcore.Unpublished:
			s.release(at.path)
			*at = publisher{}
		}
	}
}

// ServeRTMP serves one connection until it ends.
func (s *Server) ServeRTMP(conn net.Conn) error {
	defer conn.Close()
	session, err := streamcore.NewSession(s.now(), uint64(time.Now().UnixNano()))
	if err != nil {
		return err
	}
	defer session.Close()
	var at publisher
	defer func() { s.release(at.path) }()
	buffer := make([]byte, 65536)
	for {
		deadline := time.Time{}
		if due, is, _ := session.Timeout(); is {
			deadline = s.start.Add(time.Duration(due) * time.Microsecond)
		}
		conn.SetReadDeadline(deadline)
		count, err := conn.Read(buffer)
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			if err := session.HandleTimeout(s.now()); err != nil {
				return err
			}
		} else if err != nil {
			return nil
		}
		for rest := buffer[:count]; ; {
			taken, failed := session.HandleInput(s.now(), rest)
			rest = rest[taken:]
			if err := s.events(session, &at); err != nil {
				return err
			}
			out, err := session.Output()
			if err != nil {
				return err
			}
			if _, err := conn.Write(out); err != nil {
				return nil
			}
			if failed != nil {
				return failed
			}
			if len(rest) == 0 || session.IsClosing() {
				break
			}
		}
		if session.IsClosing() {
			return nil
		}
	}
}

// ServeHTTP answers for /APP/NAME/FILE.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	folder, name := path.Split(strings.TrimPrefix(r.URL.Path, "/"))
	s.mu.Lock()
	found := s.streams[strings.TrimSuffix(folder, "/")]
	s.mu.Unlock()
	if found == nil {
		http.NotFound(w, r)
		return
	}
	var limit <-chan time.Time
	for {
		file, changed, wait, err := found.stream.Request(name, r.URL.RawQuery)
		switch {
		case errors.Is(err, streamcore.ErrBadRequest):
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		case err != nil:
			http.NotFound(w, r)
			return
		case file != nil:
			w.Header().Set("Content-Type", file.ContentType)
			w.Header().Set("Cache-Control", file.CacheControl)
			w.Header().Set("ETag", file.ETag)
			w.Write(file.Body)
			return
		}
		if limit == nil {
			limit = time.After(time.Duration(wait) * time.Millisecond)
		}
		select {
		case <-changed:
		case <-limit:
			http.Error(w, "not there yet", http.StatusServiceUnavailable)
			return
		case <-r.Context().Done():
			return
		}
	}
}

// Accept serves every connection of a listener.
func (s *Server) Accept(listener net.Listener) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			if err := s.ServeRTMP(conn); err != nil {
				log.Printf("%s: %v", conn.RemoteAddr(), err)
			}
		}()
	}
}

func main() {
	rtmp := flag.String("rtmp", "127.0.0.1:1935", "where publishers connect")
	web := flag.String("http", "127.0.0.1:8080", "where players ask")
	flag.Parse()
	server := NewServer()
	listener, err := net.Listen("tcp", *rtmp)
	if err != nil {
		log.Fatal(err)
	}
	players, err := net.Listen("tcp", *web)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("rtmp %s\nhttp %s\n", listener.Addr(), players.Addr())
	go func() { log.Fatal(server.Accept(listener)) }()
	log.Fatal(http.Serve(players, server))
}
