# `make run` starts the server, `make test` installs what the tests need and runs them all.

WEB := examples/server/web
# Every test is run, so that one look shows all that is wrong.
CARGO_TEST := cargo test --locked --workspace --all-features --no-fail-fast

.PHONY: pictures bench-package bench-segmenter bench-parts soak-llhls run test setup lint fmt clippy doc web web-test test-rust package bench-setup bench-live bench-finish bench-peers bench-remux bench-latency bench-tls schemathesis soak-recording soak-scenario soak-trouble fuzz fuzz-smoke interop install sanitize bench-border
.NOTPARALLEL:

run:
	@scripts/build-page --optional
	cargo run --release --locked -p streamcore-server -- serve $(ARGS)

test: setup lint doc web-test test-rust schemathesis fuzz-smoke package

setup:
	@scripts/setup-tests

lint: fmt clippy

fmt:
	cargo fmt --all --check
	cargo fmt --manifest-path benches/peers/Cargo.toml --check

clippy: web
	cargo clippy --locked --workspace --all-targets --all-features --keep-going -- -D warnings

doc:
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --all-features --no-deps

# The page, embedded into the server by its build.
web:
	@scripts/build-page

web-test: web
	cd $(WEB) && npm run --silent check && npm test --silent

# The tests run a debug build of the server: its arithmetic and its assertions are checked, and one build serves all tests.
test-rust: web
	$(CARGO_TEST)

# The pictures of the documentation, of both pages as they are. Three minutes.
pictures: web
	cargo build --release --locked -p streamcore-server
	node $(WEB)/tests/pictures.mjs --server target/release/streamcore --out docs $(ARGS)

package:
	@scripts/check-package

# The API against its own description. Half a minute.
schemathesis: web
	@scripts/schemathesis

# The C library: make install PREFIX=/usr/local, with DESTDIR in front for packagers.
PREFIX ?= /usr/local

install:
	cargo build --release --locked -p streamcore-ffi
	@scripts/install-c $(PREFIX)

# The C programs with the library instrumented too, against memory errors and undefined behaviour. A few minutes.
SANITIZED := $(CURDIR)/target/sanitize/x86_64-unknown-linux-gnu/debug

sanitize:
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address cargo build --locked -p streamcore-ffi --target x86_64-unknown-linux-gnu --target-dir target/sanitize
	STREAMCORE_LIBRARIES=$(SANITIZED) STREAMCORE_CFLAGS='-fsanitize=address,undefined -fno-sanitize-recover=all' \
		cargo test --locked -p streamcore-ffi --all-features --test c_programs -- nulls callback what_is_wrong an_flv a_publisher a_recording all_ways a_capture

# What calls through C cost beside the same through Rust. Three minutes; writes a record where RECORD names a file.
bench-border:
	cargo build --release --locked -p streamcore-ffi
	$(if $(RECORD),RECORD=$(abspath $(RECORD))) cargo bench --locked -p streamcore-ffi --bench border $(ARGS)

# Session set-up beside nginx-rtmp, where that is installed: TCP connect to the first media byte. A few minutes.
bench-setup:
	cargo build --release --locked -p streamcore-server -p streamcore-bench
	target/release/streamcore-bench setup $(ARGS)

# The live server beside nginx-rtmp and the floors, each case in turn, in a network namespace of its own (root, or user namespaces).
# Under twenty minutes; writes benches/record/. One case: make bench-live ARGS='--only fanout-500'.
# SRS too: ARGS='--srs PATH --servers ours,nginx,srs,floor'.
LIVE_CASES := fanout:500,gather:500,ingest:300,hls:300,rec:300,all:300,connrate:16,idle:1000,segments:64,playlists:64,llhls:1000,start

bench-live:
	cargo build --release --locked -p streamcore-server -p streamcore-bench
	timeout 1500 target/release/streamcore-bench $(LIVE_CASES) --servers ours,nginx,floor --rounds 3 --secs 4 --netns $(ARGS)

# Recordings of a server that is killed 200 times, four streams each time, and 56 times while files are finished. Some twenty minutes.
soak-recording: web
	scripts/record-run soak-recording 'Recordings of a killed server' scripts/soak-recording $(or $(KILLS),200)

# A server that is killed 200 times in the middle of broadcasts with hooks, events and a bucket: nothing is lost, and nothing told twice. Some
# twenty minutes.
soak-scenario: web
	cargo test --locked --all-features -p streamcore-server --test interop_scenario --no-run
	scripts/record-run soak-scenario 'Broadcasts of a killed server' scripts/soak-scenario $(or $(KILLS),200)

# A bucket that is away for ten minutes, beside a hook that hangs and a target that never reads, and then comes back. Twelve minutes.
soak-trouble: web
	cargo test --locked --all-features -p streamcore-server --test interop_trouble --no-run
	scripts/record-run soak-trouble 'A bucket that is away' env STREAMCORE_AWAY=$(or $(AWAY),600) \
		cargo test --quiet --locked --all-features -p streamcore-server --test interop_trouble -- --nocapture

# How far behind live the page plays, by the dates of the stream (wall_latency_s). A minute.
bench-latency: web
	cargo build --release --locked -p streamcore-server
	scripts/bench-latency $(ARGS)

# What TLS costs: segments, playlists and players, each way in turn. Two minutes; needs wrk.
bench-tls:
	cargo build --release --locked -p streamcore-server
	scripts/record-run tls 'What TLS costs' scripts/bench-tls $(ARGS)

# What finishing a recording of 10 GB and of 30 hours costs: sparse files, whose boxes are written and whose media are holes.
bench-finish:
	cargo build --release --locked --example long_recording
	scripts/record-run finish 'Finishing long recordings' sh -ec ' \
		target/release/examples/long_recording target/recording.mp4 3.7 6000; \
		target/release/examples/long_recording target/recording.mp4 30 2500; rm target/recording.mp4'

# Chunk reading beside other crates, from the same bytes in the same run. Builds them first; then about six minutes.
bench-peers:
	RECORD=$(CURDIR)/benches/record/$$(date -u +%F-%H%M%S)-chunks.md TITLE="$$(date -u '+%F %T UTC')" \
		cargo bench --locked --manifest-path benches/peers/Cargo.toml --target-dir target/peers --bench chunks $(ARGS)

# FLV to MP4 beside cp, ffmpeg and GStreamer, on tmpfs and on disk: 2 x 1.9 GB of each for some minutes.
bench-remux:
	cargo build --release --locked -p streamcore-server
	scripts/bench-remux $(ARGS)

# An FLV of 200 MB to HLS segments on tmpfs beside cp, ffmpeg and, where PACKAGER names it or it is in the path, Shaka packager. Two minutes.
bench-package:
	cargo build --release --locked -p streamcore-server
	scripts/bench-package $(ARGS)

# What `streamcore package` makes of every capture, read by Shaka packager and written again: the same packets. A minute.
read-back: web
	cargo build --release --locked -p streamcore-server
	scripts/read-back

# Payload a second through the segmenter in memory. A minute.
bench-segmenter:
	cargo bench --locked --bench segmenter --no-run
	scripts/record-run segmenter 'The segmenter in memory' cargo bench --locked --bench segmenter -- --noplot $(ARGS)

# From the last access unit of a part to its last byte over HTTP. A minute.
bench-parts:
	cargo bench --locked -p streamcore-server --bench parts --no-run
	scripts/record-run parts 'Parts over HTTP' cargo bench --quiet --locked -p streamcore-server --bench parts $(ARGS)

# Five minutes of a live run through lost connections, a change of resolution and the end, followed by a strict reader and four players, plain and as a set.
# Less of it: make soak-llhls SOAK=60 PLAYERS=hls.js ONLY=run, or ONLY=set. PLAYERS=hls.js,file has as long a plain MP4 played beside it.
soak-llhls: web
	cargo test --locked --workspace --all-features --test interop_llhls --no-run
	scripts/record-run soak-llhls 'A live run through disturbances' env STREAMCORE_SOAK=$(or $(SOAK),300) STREAMCORE_PLAYERS=$(PLAYERS) \
		cargo test --quiet --locked --workspace --all-features --test interop_llhls soak$(if $(ONLY),_every_playlist_of_a_disturbed_$(ONLY)) -- --nocapture --test-threads 1

# Each fuzz target for so many seconds: make fuzz SECONDS=60 TARGETS='amf0 sps'.
SECONDS ?= 10

fuzz:
	@scripts/fuzz $(SECONDS) $(TARGETS)

# What the tests run of it: every target from its seeds and regressions, two seconds each.
fuzz-smoke:
	@scripts/fuzz --smoke 2

# Every peer in every role against the server, by packet lists; writes docs/interop.md. About five minutes. ARGS='--only OBS' for some.
INTEROP := target/debug/streamcore-interop --tools target/interop

interop:
	@scripts/setup-interop
	cargo build --locked -p streamcore-server -p streamcore-interop
	$(INTEROP) $(if $(ARGS),$(ARGS),--out docs/interop.md)
