// Package streamcore is the C library for Go: RTMP sessions, access units and an HLS muxer, without I/O of their own.
//
// Every type may be used by several goroutines: a lock of its own guards each handle, so that calls come one after the other and none meets
// a closed one. What a type gives stays valid after later calls. A Session or a Stream that is forgotten is closed by the garbage collector; a Buf is not,
// since slices of its memory may be about: it ends with Release.
package streamcore

/*
#cgo pkg-config: streamcore
#include <stdlib.h>
#include <streamcore.h>
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"unsafe"
)

// Kind says what a message, a tag or a track carries.
type Kind uint8

// Kinds, by the types of RTMP messages and FLV tags.
const (
	Audio Kind = C.SC_KIND_AUDIO
	Video Kind = C.SC_KIND_VIDEO
	Data  Kind = C.SC_KIND_DATA
)

// Error is a call that failed: its status, its text, and the byte, or -1.
type Error struct {
	Status int
	Text   string
	Offset int64
}

func (e *Error) Error() string { return e.Text }

// ErrClosed is given by every call on a handle that was closed.
var ErrClosed = errors.New("streamcore: closed")

// Version is the release of the library that runs.
func Version() string { return C.GoString(C.sc_version()) }

func failure(status C.sc_status, handle unsafe.Pointer) error {
	if status >= 0 {
		return nil
	}
	info := C.sc_error{struct_size: C.sizeof_sc_error}
	if handle != nil && C.sc_last_error(handle, &info) == C.SC_OK && info.status == status {
		return made(status, &info)
	}
	return &Error{int(status), C.GoString(C.sc_status_text(status)), -1}
}

func made(status C.sc_status, info *C.sc_error) error {
	return &Error{int(status), C.GoString(&info.text[0]), int64(info.offset)}
}

func pointer(data []byte) *C.uint8_t {
	if len(data) == 0 {
		return nil
	}
	return (*C.uint8_t)(unsafe.Pointer(&data[0]))
}

// Buf is a reference to shared bytes of the library.
type Buf struct {
	mu     sync.RWMutex
	handle *C.sc_buf
}

// Bytes are the bytes themselves, not a copy: they must not be changed, nor used after Release. None are left by then.
func (b *Buf) Bytes() []byte {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return unsafe.Slice((*byte)(unsafe.Pointer(C.sc_buf_data(b.handle))), int(C.sc_buf_size(b.handle)))
}

// Release gives the reference up. A second time does nothing.
func (b *Buf) Release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	C.sc_buf_release(&b.handle)
}

// Event is what a client did; Kind says which fields are set.
type Event struct {
	Type             EventType
	Request, Stream  uint32
	Kind             Kind
	Timestamp        uint32
	Payload          *Buf
	App, Name, Query string
	Text, Clause     string
}

// EventType tells events apart.
type EventType uint32

// Events of a session.
const (
	Connected   EventType = C.SC_SESSION_CONNECTED
	Publish     EventType = C.SC_SESSION_PUBLISH
	Play        EventType = C.SC_SESSION_PLAY
	Media       EventType = C.SC_SESSION_MEDIA
	Unpublished EventType = C.SC_SESSION_UNPUBLISHED
	Notice      EventType = C.SC_SESSION_NOTICE
)

// Session is the server's end of one RTMP connection.
type Session struct {
	mu     sync.Mutex
	handle *C.sc_server_session
}

// NewSession makes a session; now is in microseconds of a monotonic clock, seed something that differs between connections.
func NewSession(now, seed uint64) (*Session, error) {
	config := C.sc_session_config{struct_size: C.sizeof_sc_session_config, seed: C.uint64_t(seed)}
	info := C.sc_error{struct_size: C.sizeof_sc_error}
	session := &Session{}
	status := C.sc_server_session_new(C.SC_ABI_VERSION, &config, C.uint64_t(now), &session.handle, &info)
	if status != C.SC_OK {
		return nil, made(status, &info)
	}
	runtime.SetFinalizer(session, (*Session).Close)
	return session, nil
}

// Close frees the session. A second time does nothing.
func (s *Session) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	C.sc_server_session_free(&s.handle)
}

func (s *Session) with(body func(*C.sc_server_session) C.sc_status) (C.sc_status, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handle == nil {
		return C.SC_ERR_NULL, ErrClosed
	}
	status := body(s.handle)
	return status, failure(status, unsafe.Pointer(s.handle))
}

// HandleInput gives bytes of the connection and says how many were taken: the rest is to be given again once events were polled and answered.
func (s *Session) HandleInput(now uint64, data []byte) (int, error) {
	var taken C.size_t
	_, err := s.with(func(h *C.sc_server_session) C.sc_status {
		return C.sc_server_session_handle_input(h, C.uint64_t(now), pointer(data), C.size_t(len(data)), &taken)
	})
	return int(taken), err
}

// PollEvent gives the next event, or nil.
func (s *Session) PollEvent() (*Event, error) {
	var event *Event
	_, err := s.with(func(h *C.sc_server_session) C.sc_status {
		raw := C.sc_session_event{struct_size: C.sizeof_sc_session_event}
		status := C.sc_server_session_poll_event(h, &raw)
		if status == C.SC_OK {
			event = &Event{
				Type: EventType(raw.event), Request: uint32(raw.request), Stream: uint32(raw.stream_id), Kind: Kind(raw.kind),
				Timestamp: uint32(raw.timestamp), App: C.GoString(raw.app), Name: C.GoString(raw.name),
				Query: C.GoString(raw.query), Text: C.GoString(raw.text), Clause: C.GoString(raw.clause),
			}
			if raw.buf != nil {
				event.Payload = &Buf{}
				status = C.sc_buf_retain(raw.buf, &event.Payload.handle)
			}
		}
		return status
	})
	return event, err
}

// Accept lets a publisher or player begin.
func (s *Session) Accept(request uint32) error {
	_, err := s.with(func(h *C.sc_server_session) C.sc_status { return C.sc_server_session_accept(h, C.uint32_t(request)) })
	return err
}

// Reject refuses a publisher or player: nothing of this name.
func (s *Session) Reject(request uint32) error {
	_, err := s.with(func(h *C.sc_server_session) C.sc_status {
		return C.sc_server_session_reject(h, C.uint32_t(request), C.SC_REJECT_NOT_FOUND)
	})
	return err
}

// Output is what waits to be written, as a copy of its own, and takes it off the queue.
func (s *Session) Output() ([]byte, error) {
	var out []byte
	_, err := s.with(func(h *C.sc_server_session) C.sc_status {
		var pieces [16]C.sc_iovec
		for {
			var count C.size_t
			status := C.sc_server_session_output(h, &pieces[0], C.size_t(len(pieces)), &count)
			if status != C.SC_OK {
				return status
			}
			size := 0
			for _, piece := range pieces[:count] {
				out = append(out, unsafe.Slice((*byte)(unsafe.Pointer(piece.data)), int(piece.len))...)
				size += int(piece.len)
			}
			C.sc_server_session_sent(h, C.size_t(size))
		}
	})
	return out, err
}

// Timeout is when HandleTimeout is to be called next, and whether it is.
func (s *Session) Timeout() (uint64, bool, error) {
	var at C.uint64_t
	status, err := s.with(func(h *C.sc_server_session) C.sc_status { return C.sc_server_session_poll_timeout(h, &at) })
	return uint64(at), status == C.SC_OK, err
}

// HandleTimeout does what is due at now.
func (s *Session) HandleTimeout(now uint64) error {
	_, err := s.with(func(h *C.sc_server_session) C.sc_status {
		return C.sc_server_session_handle_timeout(h, C.uint64_t(now))
	})
	return err
}

// IsClosing tells whether the connection is to be closed once the output is written.
func (s *Session) IsClosing() bool {
	var closing C.bool
	s.with(func(h *C.sc_server_session) C.sc_status { return C.sc_server_session_is_closing(h, &closing) })
	return bool(closing)
}

// Stream makes HLS of the messages of one publisher after another.
type Stream struct {
	mu        sync.Mutex
	assembler *C.sc_assembler
	muxer     *C.sc_muxer
	changed   chan struct{}
	version   C.uint64_t
}

// NewStream makes an empty stream. first is the number of its first segment; milliseconds since 1970 are a good one.
func NewStream(segmentMS, partMS uint32, first uint64) (*Stream, error) {
	config := C.sc_muxer_config{
		struct_size: C.sizeof_sc_muxer_config, segment_ms: C.uint32_t(segmentMS), part_ms: C.uint32_t(partMS),
		first_sequence: C.uint64_t(first),
	}
	info := C.sc_error{struct_size: C.sizeof_sc_error}
	stream := &Stream{changed: make(chan struct{})}
	if status := C.sc_muxer_new(C.SC_ABI_VERSION, &config, &stream.muxer, &info); status != C.SC_OK {
		return nil, made(status, &info)
	}
	if status := C.sc_assembler_new(C.SC_ABI_VERSION, &stream.assembler, &info); status != C.SC_OK {
		C.sc_muxer_free(&stream.muxer)
		return nil, made(status, &info)
	}
	runtime.SetFinalizer(stream, (*Stream).Close)
	return stream, nil
}

// Close frees the stream, and tells those who wait for an answer. Files that it gave stay. A second time does nothing.
func (s *Stream) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.muxer == nil {
		return
	}
	C.sc_assembler_free(&s.assembler)
	C.sc_muxer_free(&s.muxer)
	close(s.changed)
}

// Handle takes one message of the publisher. ErrClosed where the payload was released.
func (s *Stream) Handle(kind Kind, timestamp uint32, payload *Buf, wallMicros int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	payload.mu.RLock()
	defer payload.mu.RUnlock()
	if s.muxer == nil || payload.handle == nil {
		return ErrClosed
	}
	tag := C.sc_tag{struct_size: C.sizeof_sc_tag, kind: C.sc_kind(kind), timestamp: C.uint32_t(timestamp), buf: payload.handle}
	if status := C.sc_assembler_handle_tag(s.assembler, &tag); status != C.SC_OK {
		return failure(status, unsafe.Pointer(s.assembler))
	}
	return s.drain(wallMicros)
}

func (s *Stream) drain(wallMicros int64) error {
	defer s.wake()
	status := C.sc_status(C.SC_OK)
	for status == C.SC_OK {
		status = C.sc_muxer_pull(s.muxer, s.assembler, C.int64_t(wallMicros), nil)
	}
	if status == C.SC_NONE {
		return nil
	}
	return failure(status, unsafe.Pointer(s.muxer))
}

// wake tells those who wait that answers may have changed.
func (s *Stream) wake() {
	var version C.uint64_t
	C.sc_muxer_version(s.muxer, &version)
	if version != s.version {
		s.version = version
		close(s.changed)
		s.changed = make(chan struct{})
	}
}

// Begin readies the stream for a publisher.
func (s *Stream) Begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.muxer == nil {
		return ErrClosed
	}
	defer s.wake()
	return failure(C.sc_muxer_resume(s.muxer), unsafe.Pointer(s.muxer))
}

// End ends the playlists: the publisher has left.
func (s *Stream) End() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.muxer == nil {
		return ErrClosed
	}
	C.sc_assembler_finish(s.assembler)
	err := s.drain(int64(C.SC_NO_WALL_CLOCK))
	C.sc_assembler_free(&s.assembler)
	if status := C.sc_assembler_new(C.SC_ABI_VERSION, &s.assembler, nil); status != C.SC_OK {
		return failure(status, nil)
	}
	defer s.wake()
	if status := C.sc_muxer_finish(s.muxer); status != C.SC_OK {
		return failure(status, unsafe.Pointer(s.muxer))
	}
	return err
}

// File is an answer to a player.
type File struct {
	ContentType, CacheControl, ETag string
	Body                            []byte
}

// ErrNotFound says that there is no such file, ErrBadRequest that the query cannot be answered.
var (
	ErrNotFound   = errors.New("streamcore: no such file")
	ErrBadRequest = errors.New("streamcore: bad directives")
)

// Request answers for a file by its name. Where the answer is not there yet, file and error are nil: ask again when changed is closed, for at most
// waitMS in all.
func (s *Stream) Request(name, query string) (file *File, changed <-chan struct{}, waitMS uint64, err error) {
	cName, cQuery := C.CString(name), C.CString(query)
	defer C.free(unsafe.Pointer(cName))
	defer C.free(unsafe.Pointer(cQuery))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.muxer == nil {
		return nil, nil, 0, ErrClosed
	}
	var out *C.sc_file
	var wait C.uint64_t
	switch status := C.sc_muxer_request(s.muxer, cName, cQuery, &out, &wait); status {
	case C.SC_OK:
		defer C.sc_file_free(&out)
		file, err = read(out)
		return file, nil, 0, err
	case C.SC_WAIT:
		return nil, s.changed, uint64(wait), nil
	case C.SC_NONE, C.SC_GONE:
		return nil, nil, 0, ErrNotFound
	case C.SC_ERR_ARGUMENT:
		return nil, nil, 0, fmt.Errorf("%w: %v", ErrBadRequest, failure(status, unsafe.Pointer(s.muxer)))
	default:
		return nil, nil, 0, failure(status, unsafe.Pointer(s.muxer))
	}
}

func read(out *C.sc_file) (*File, error) {
	info := C.sc_file_info{struct_size: C.sizeof_sc_file_info}
	if status := C.sc_file_describe(out, &info); status != C.SC_OK {
		return nil, failure(status, unsafe.Pointer(out))
	}
	file := &File{
		ContentType: C.GoString(info.content_type), CacheControl: C.GoString(info.cache_control), ETag: C.GoString(info.etag),
		Body: make([]byte, 0, int(info.size)),
	}
	var pieces [64]C.sc_iovec
	for {
		var count C.size_t
		status := C.sc_file_pieces(out, C.uint64_t(len(file.Body)), &pieces[0], C.size_t(len(pieces)), &count)
		if status != C.SC_OK {
			return file, failure(status, unsafe.Pointer(out))
		}
		for _, piece := range pieces[:count] {
			file.Body = append(file.Body, unsafe.Slice((*byte)(unsafe.Pointer(piece.data)), int(piece.len))...)
		}
	}
}
