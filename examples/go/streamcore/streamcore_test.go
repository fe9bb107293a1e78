package streamcore

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// replay gives the captured bytes of an encoder to a session and its media to a stream.
func replay(t *testing.T, capture []byte, stream *Stream) (published string, messages int) {
	t.Helper()
	session, err := NewSession(0, 7)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	for len(capture) > 0 {
		part := capture
		if len(part) > 1000 {
			part = part[:1000]
		}
		taken, err := session.HandleInput(1, part)
		if err != nil {
			t.Fatal(err)
		}
		capture = capture[taken:]
		for {
			event, err := session.PollEvent()
			if err != nil {
				t.Fatal(err)
			}
			if event == nil {
				break
			}
			switch event.Type {
			case Publish:
				published = event.App + "/" + event.Name
				if err := session.Accept(event.Request); err != nil {
					t.Fatal(err)
				}
			case Media:
				messages++
				if err := stream.Handle(event.Kind, event.Timestamp, event.Payload, 1_700_000_000_000_000); err != nil {
					t.Fatal(err)
				}
				event.Payload.Release()
				event.Payload.Release()
			}
		}
		if _, err := session.Output(); err != nil {
			t.Fatal(err)
		}
	}
	return published, messages
}

func capture(t *testing.T) []byte {
	t.Helper()
	path := os.Getenv("STREAMCORE_CAPTURE")
	if path == "" {
		path = "../../../tests/data/obs-29.0.2/publish.c2s"
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestACaptureBecomesHLSWhileOthersAsk(t *testing.T) {
	stream, err := NewStream(2000, 200, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if err := stream.Begin(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var readers sync.WaitGroup
	for i := 0; i < 4; i++ {
		readers.Add(1)
		go func() {
			defer readers.Done()
			for {
				file, changed, _, err := stream.Request("video.m3u8", "")
				if err != nil && !errors.Is(err, ErrNotFound) {
					t.Error(err)
				}
				if file != nil && !bytes.HasPrefix(file.Body, []byte("#EXTM3U")) {
					t.Errorf("not a playlist: %q", file.Body)
				}
				select {
				case <-done:
					return
				case <-changed:
				default:
				}
			}
		}()
	}
	published, messages := replay(t, capture(t), stream)
	if err := stream.End(); err != nil {
		t.Fatal(err)
	}
	close(done)
	readers.Wait()
	if !strings.HasPrefix(published, "live/") || messages < 500 {
		t.Fatalf("%q, %d messages", published, messages)
	}
	file, _, _, err := stream.Request("video.m3u8", "")
	if err != nil || !bytes.Contains(file.Body, []byte("#EXT-X-ENDLIST")) {
		t.Fatalf("no end: %v", err)
	}
	segment, _, _, err := stream.Request("video_0.m4s", "")
	if err != nil || segment.ContentType != "video/mp4" || len(segment.Body) < 1000 {
		t.Fatalf("no segment: %v", err)
	}
}

func TestErrorsNameTheByteAndClosedHandlesSaySo(t *testing.T) {
	session, err := NewSession(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	_, err = session.HandleInput(0, []byte("GET / HTTP/1.1\r\n\r\n"))
	var failure *Error
	if !errors.As(err, &failure) || failure.Status >= 0 || failure.Offset != 0 {
		t.Fatalf("%#v", err)
	}
	session.Close()
	session.Close()
	if _, err := session.HandleInput(0, nil); !errors.Is(err, ErrClosed) {
		t.Fatalf("%v", err)
	}
	stream, _ := NewStream(2000, 0, 0)
	stream.Close()
	if _, _, _, err := stream.Request("index.m3u8", ""); !errors.Is(err, ErrClosed) {
		t.Fatalf("%v", err)
	}
	if Version() == "" {
		t.Fatal("no version")
	}
}

// at runs a function in several goroutines at once, each a number of times.
func at(goroutines, times int, body func(number int)) {
	var all sync.WaitGroup
	for i := 0; i < goroutines; i++ {
		all.Add(1)
		go func(number int) {
			defer all.Done()
			for j := 0; j < times; j++ {
				body(number)
			}
		}(i)
	}
	all.Wait()
}

// Every method of one session and its buffers from several goroutines, which close it at last while others are at it.
func TestASessionIsSharedByGoroutines(t *testing.T) {
	bytes := capture(t)
	session, err := NewSession(0, 7)
	if err != nil {
		t.Fatal(err)
	}
	var feeding sync.Mutex
	payloads := make(chan *Buf, 64)
	var released, media int64
	at(8, 200, func(number int) {
		if number == 0 {
			feeding.Lock()
			part := bytes
			if len(part) > 1000 {
				part = part[:1000]
			}
			taken, err := session.HandleInput(1, part)
			bytes = bytes[taken:]
			feeding.Unlock()
			if err != nil {
				t.Error(err)
			}
		}
		event, err := session.PollEvent()
		if err != nil {
			t.Error(err)
		}
		if event != nil && event.Type == Publish {
			if err := session.Accept(event.Request); err != nil {
				t.Error(err)
			}
		}
		if event != nil && event.Payload != nil {
			atomic.AddInt64(&media, 1)
			if len(event.Payload.Bytes()) == 0 && event.Kind != Audio {
				t.Error("an empty body")
			}
			select {
			case payloads <- event.Payload:
			default:
				event.Payload.Release()
			}
		}
		// Two goroutines may get at one buffer: it goes back into the channel.
		select {
		case payload := <-payloads:
			select {
			case payloads <- payload:
			default:
			}
			payload.Release()
			atomic.AddInt64(&released, 1)
		default:
		}
		session.Output()
		session.Timeout()
		session.HandleTimeout(1)
		session.IsClosing()
	})
	if media < 50 || released < media {
		t.Fatalf("%d messages, %d released", media, released)
	}
	at(8, 50, func(number int) {
		if number == 7 {
			session.Close()
		}
		if _, err := session.PollEvent(); err != nil && !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
		session.Output()
		session.Reject(1)
	})
	if _, err := session.Output(); !errors.Is(err, ErrClosed) {
		t.Fatalf("%v", err)
	}
}

// One stream, which two publishers fill, players ask and one goroutine closes; who waits is told.
func TestAStreamIsSharedByGoroutinesAndClosedUnderThem(t *testing.T) {
	bytes := capture(t)
	stream, err := NewStream(2000, 200, 0)
	if err != nil {
		t.Fatal(err)
	}
	at(6, 3, func(number int) {
		switch {
		case number < 2:
			if err := stream.Begin(); err != nil {
				t.Error(err)
			}
			replay(t, bytes, stream)
			if err := stream.End(); err != nil {
				t.Error(err)
			}
		default:
			for i := 0; i < 50; i++ {
				file, _, _, err := stream.Request("index.m3u8", "")
				if err != nil && !errors.Is(err, ErrNotFound) {
					t.Error(err)
				}
				if file != nil && len(file.Body) == 0 {
					t.Error("an empty playlist")
				}
			}
		}
	})
	fresh, err := NewStream(2000, 200, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, changed, _, err := fresh.Request("index.m3u8", "")
	if err != nil || changed == nil {
		t.Fatalf("nothing to wait for: %v", err)
	}
	at(4, 20, func(number int) {
		if number == 0 {
			fresh.Close()
		}
		if _, _, _, err := fresh.Request("index.m3u8", ""); err != nil && !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
	<-changed
	if err := fresh.Begin(); !errors.Is(err, ErrClosed) {
		t.Fatalf("%v", err)
	}
	stream.Close()
	stream.Close()
}

// What is forgotten is closed by the garbage collector, while others are made and used.
func TestForgottenHandlesAreClosedOnce(t *testing.T) {
	at(4, 100, func(number int) {
		session, err := NewSession(0, uint64(number))
		if err != nil {
			t.Error(err)
			return
		}
		session.HandleInput(0, []byte{3})
		if number == 0 {
			session.Close()
			runtime.GC()
		}
		stream, err := NewStream(2000, 0, 0)
		if err != nil {
			t.Error(err)
			return
		}
		stream.Request("index.m3u8", "")
	})
	runtime.GC()
}
