"""streamcore through ctypes: `python3 streamcore.py remux IN.flv OUT.mp4` and `python3 streamcore.py probe FILE`."""

import ctypes as c
import os
import sys

ABI = 0  # SC_ABI_VERSION of the header that these structs follow: the library refuses another
_library = c.CDLL("libstreamcore.so.%d" % ABI)
PROGRESS = c.CFUNCTYPE(c.c_int32, c.c_void_p, c.c_uint64, c.c_uint64)


class _Struct(c.Structure):
    """A struct that is shared with the library: its size comes first."""

    def __init__(self, **fields):
        super().__init__(struct_size=c.sizeof(self), **fields)


class Error(_Struct):
    _fields_ = [("struct_size", c.c_size_t), ("status", c.c_int32), ("offset", c.c_int64), ("text", c.c_char * 256)]


class RemuxOptions(_Struct):
    _fields_ = [("struct_size", c.c_size_t), ("layout", c.c_uint32), ("sync", c.c_bool), ("progress", PROGRESS),
                ("opaque", c.c_void_p)]


class ProbeInfo(_Struct):
    _fields_ = [("struct_size", c.c_size_t), ("format", c.c_char_p), ("size", c.c_uint64), ("duration", c.c_uint64),
                ("tracks", c.c_size_t), ("problems", c.c_size_t), ("fragments", c.c_uint64), ("index_first", c.c_bool)]


class TrackInfo(_Struct):
    _fields_ = [("struct_size", c.c_size_t), ("kind", c.c_uint8), ("index", c.c_uint8), ("codec", c.c_char_p),
                ("width", c.c_uint32), ("height", c.c_uint32), ("sample_rate", c.c_uint32), ("channels", c.c_uint16),
                ("units", c.c_uint64), ("keys", c.c_uint64), ("bytes", c.c_uint64), ("start", c.c_int64),
                ("duration", c.c_uint64)]


class StreamcoreError(Exception):
    pass


def remux(source, target, progress=None):
    """Makes the MP4 `target` of the FLV `source`. `progress(done, total)` may return True to cancel."""
    def call(_, done, total):
        return 1 if progress and progress(done, total) else 0
    options, error = RemuxOptions(progress=PROGRESS(call)), Error()
    if _library.sc_remux_file(c.c_uint32(ABI), os.fsencode(source), os.fsencode(target), c.byref(options), None,
                              c.byref(error)):
        raise StreamcoreError(error.text.decode())


def probe(path):
    """What a file holds, as a dictionary."""
    handle, error, info = c.c_void_p(), Error(), ProbeInfo()
    if _library.sc_probe_file(c.c_uint32(ABI), os.fsencode(path), c.byref(handle), c.byref(error)):
        raise StreamcoreError(error.text.decode())
    try:
        _library.sc_probe_describe(handle, c.byref(info))
        tracks, problems = [], []
        for number in range(info.tracks):
            track = TrackInfo()
            _library.sc_probe_track(handle, c.c_size_t(number), c.byref(track))
            tracks.append({name: getattr(track, name) for name, _ in TrackInfo._fields_[1:]} | {"codec": track.codec.decode()})
        for number in range(info.problems):
            text = c.c_char_p()
            _library.sc_probe_problem(handle, c.c_size_t(number), c.byref(text))
            problems.append(text.value.decode())
        return {"format": info.format.decode(), "size": info.size, "duration": info.duration / 1e6, "tracks": tracks,
                "problems": problems}
    finally:
        _library.sc_probe_free(c.byref(handle))


if __name__ == "__main__":
    try:
        if sys.argv[1:2] == ["remux"] and len(sys.argv) == 4:
            remux(sys.argv[2], sys.argv[3])
        elif sys.argv[1:2] == ["probe"] and len(sys.argv) == 3:
            print(probe(sys.argv[2]))
        else:
            sys.exit(__doc__)
    except StreamcoreError as error:
        sys.exit(str(error))
