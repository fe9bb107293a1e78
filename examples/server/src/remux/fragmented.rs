//! `streamcore remux --fragmented`: an FLV into an MP4 in fragments as it is read. Neither has to be a file.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};

use anyhow::{Context as _, bail};
use streamcore::assemble::{Assembler, Event};
use streamcore::buf::Chain;
use streamcore::flv::Reader;
use streamcore::limits::Limits;
use streamcore::record::{Mp4Config, Mp4Output, Mp4Recorder, Patch, TrackFit};

use super::command::{AtByte, Problem};
use super::io::BLOCK;
use super::part::Part;
use super::place::Place;
use super::ranges::Ranges;
use super::upload::Upload;
use crate::cli::RemuxArgs;

/// Where the fragments go.
enum Out {
    File(Part),
    Pipe(io::StdoutLock<'static>),
    Far(Box<Upload>),
}

impl Out {
    fn append(&mut self, chain: &Chain) -> anyhow::Result<()> {
        let mut write = |part: &[u8]| match self {
            Self::File(part_file) => Ok(part_file.file.write_all(part)?),
            Self::Pipe(pipe) => Ok(pipe.write_all(part)?),
            Self::Far(upload) => upload.write(part),
        };
        chain.iter().try_for_each(|part| write(part))
    }

    /// Says whether the bytes could be changed.
    fn patch(&mut self, patch: &Patch) -> io::Result<bool> {
        let Self::File(part) = self else { return Ok(false) };
        part.file.seek(SeekFrom::Start(patch.offset))?;
        part.file.write_all(&patch.bytes)?;
        part.file.seek(SeekFrom::End(0))?;
        Ok(true)
    }

    fn keep(self, sync: bool) -> anyhow::Result<()> {
        match self {
            Self::File(part) => part.keep(sync),
            Self::Pipe(mut pipe) => pipe.flush().context("cannot write"),
            Self::Far(upload) => upload.keep().context("cannot write"),
        }
    }
}

/// Opens both ends.
fn open(input: &Place, output: &Place) -> anyhow::Result<(Box<dyn Read>, Out)> {
    let runtime = (input.is_far() || output.is_far()).then(super::far::runtime).transpose()?;
    let source: anyhow::Result<Box<dyn Read>> = match (input, &runtime) {
        (Place::Pipe, _) => Ok(Box::new(io::stdin().lock())),
        (Place::Url(url), Some(runtime)) => {
            Ranges::open(runtime.clone(), url).map(|ranges| Box::new(ranges) as Box<dyn Read>)
        }
        (Place::File(path), _) => {
            File::open(path).map(|file| Box::new(file) as Box<dyn Read>).map_err(Into::into)
        }
        (Place::Url(_), None) => bail!("no runtime"),
    };
    let source = source.with_context(|| format!("cannot open {input}"))?;
    let out = match (output, runtime) {
        (Place::Pipe, _) => Out::Pipe(io::stdout().lock()),
        (Place::Url(url), Some(runtime)) => {
            let upload = Upload::create(runtime, url, None);
            Out::Far(Box::new(upload.with_context(|| format!("cannot make {output}"))?))
        }
        (Place::File(path), _) => Out::File(Part::create(path)?),
        (Place::Url(_), None) => bail!("no runtime"),
    };
    Ok((source, out))
}

/// What happens on the way.
struct Work {
    assembler: Assembler,
    recorder: Mp4Recorder,
    target: Out,
    problems: Vec<Problem>,
    bytes: u64,
    units: u64,
}

/// Makes the MP4. Gives its size, its access units, and what of the source is not in it.
pub fn fragmented(args: &RemuxArgs) -> anyhow::Result<(u64, u64, Vec<Problem>)> {
    let (input, output) = (Place::of(&args.input)?, Place::of(&args.output)?);
    super::not_the_same(&input, &output)?;
    let (mut source, target) = open(&input, &output)?;
    let limits = Limits::default();
    let mut reader = Reader::new(&limits);
    let mut work = Work {
        assembler: Assembler::new(&limits),
        recorder: Mp4Recorder::new(Mp4Config::default(), &limits),
        target,
        problems: Vec::new(),
        bytes: 0,
        units: 0,
    };
    let mut block = vec![0; BLOCK];
    loop {
        let count = match source.read(&mut block) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).with_context(|| format!("cannot read {input}")),
        };
        let mut rest = block.get(..count).unwrap_or_default();
        while !rest.is_empty() {
            let taken =
                reader.handle_input(rest).with_context(|| format!("cannot read {input}"))?;
            rest = rest.get(taken..).unwrap_or_default();
            work.take(&mut reader)?;
        }
        work.write()?;
    }
    work.end(&mut reader, args, (&input, &output))
}

impl Work {
    fn take(&mut self, reader: &mut Reader) -> anyhow::Result<usize> {
        let mut count = 0;
        while let Some((offset, tag)) = reader.poll_tag() {
            self.assembler.handle_tag(&tag);
            self.events(offset)?;
            count += 1;
        }
        Ok(count)
    }

    fn events(&mut self, offset: u64) -> anyhow::Result<()> {
        while let Some(event) = self.assembler.poll_event() {
            match event {
                Event::Track(track) => {
                    let id = track.id;
                    let left_out = match track.config.fits_mp4() {
                        Err(error) => Some(error.at(offset).to_string()),
                        Ok(()) => match self.recorder.handle_track(track)? {
                            TrackFit::Taken => None,
                            TrackFit::NeedsNewFile => {
                                Some(format!("another configuration at byte {offset}"))
                            }
                        },
                    };
                    let known = |what: &String| self.problems.iter().any(|told| told.what == *what);
                    let what = left_out.map(|why| format!("left out: {id}: {why}"));
                    if let Some(what) = what.filter(|what| !known(what)) {
                        self.problems.push(Problem { what, byte: Some(offset) });
                    }
                }
                Event::Unit(unit) => {
                    let taken = self.recorder.tracks().any(|track| track.id == unit.track);
                    self.units += u64::from(taken);
                    self.recorder.handle_unit(unit)?;
                }
                Event::Discontinuity => self.recorder.handle_discontinuity()?,
                _ => {}
            }
        }
        Ok(())
    }

    fn write(&mut self) -> anyhow::Result<()> {
        while let Some(output) = self.recorder.poll_output() {
            match output {
                Mp4Output::Append(chain) => {
                    self.target.append(&chain).context("cannot write")?;
                    self.bytes += chain.len() as u64;
                }
                Mp4Output::Patch(patch) => {
                    if !self.target.patch(&patch).context("cannot write")? {
                        bail!(
                            "a track begins after the index was given out, and only in a file can it be changed: write to one"
                        );
                    }
                }
            }
        }
        Ok(())
    }

    /// Why there is no MP4, and where.
    fn nothing(&self, reader: &Reader) -> Option<(u64, String)> {
        if let Some(byte) = reader.encrypted_at() {
            return Some((byte, format!("encrypted tag at byte {byte}")));
        }
        let good = reader.good();
        match (self.units, self.problems.first(), good) {
            (1.., _, _) => None,
            (0, Some(problem), _) => Some((problem.byte.unwrap_or(good), problem.what.clone())),
            (0, None, 0) => Some((0, "empty file at byte 0".into())),
            (0, None, _) => {
                Some((good, format!("neither picture nor sound: it ends at byte {good}")))
            }
        }
    }

    fn end(
        mut self,
        reader: &mut Reader,
        args: &RemuxArgs,
        (input, output): (&Place, &Place),
    ) -> anyhow::Result<(u64, u64, Vec<Problem>)> {
        let cut = loop {
            let cut = reader.finish();
            if self.take(reader)? == 0 {
                break cut;
            }
        };
        self.assembler.finish();
        self.events(reader.good())?;
        self.recorder.finish()?;
        self.write()?;
        if let Some((byte, why)) = self.nothing(reader) {
            let what = format!("cannot make {output} of {input}: {why}");
            return Err(AtByte { what, byte }.into());
        }
        if cut {
            let byte = reader.good();
            let what = format!("cut off at byte {byte}: all before it is in the MP4");
            self.problems.insert(0, Problem { what, byte: Some(byte) });
        }
        self.target.keep(args.sync)?;
        Ok((self.bytes, self.units, self.problems))
    }
}
