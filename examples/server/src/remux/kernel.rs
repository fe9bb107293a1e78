//! Copies that the kernel makes.

#[cfg(target_os = "linux")]
pub use linux::{KernelCopy, reserve};
#[cfg(not(target_os = "linux"))]
pub use other::{KernelCopy, reserve};

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::File;
    use std::io;
    use std::os::fd::OwnedFd;

    use rustix::fs::{FallocateFlags, copy_file_range, fallocate, fstatfs};
    use rustix::io::{Errno, retry_on_intr};
    use rustix::pipe::{SpliceFlags, fcntl_setpipe_size, pipe, splice};

    /// What `statfs` says of ext2, ext3 and ext4.
    const EXT: u64 = 0xEF53;
    /// Bytes that go through the pipe at once: more would not stay in the cache of a core.
    const AT_ONCE: usize = 512 << 10;

    /// How a file is copied without its bytes being seen.
    pub struct KernelCopy {
        /// The way of file systems of the ext family. They share no blocks, and the kernel's own copy moves 64 KiB at once: here it is more, at a tenth
        /// less of the cost.
        pipe: Option<(OwnedFd, OwnedFd)>,
    }

    /// Has a file system of the ext family find all blocks of a file that will have so many bytes at once, and not as each is written: a tenth less of the
    /// cost of a copy. The file is not longer for it, and where blocks can't be had, writing tells why.
    pub fn reserve(target: &File, bytes: u64) {
        if bytes > 0 && is_ext(target) {
            let _ = fallocate(target, FallocateFlags::KEEP_SIZE, 0, bytes);
        }
    }

    fn is_ext(file: &File) -> bool {
        fstatfs(file).is_ok_and(|stat| u64::try_from(stat.f_type) == Ok(EXT))
    }

    impl KernelCopy {
        /// To `target`.
        pub fn new(target: &File) -> Self {
            let sized = |(read, write)| {
                let size = fcntl_setpipe_size(&write, AT_ONCE).ok()?;
                (size >= AT_ONCE).then_some((read, write))
            };
            Self { pipe: is_ext(target).then(|| pipe().ok().and_then(sized)).flatten() }
        }

        /// Copies up to `len` bytes to the end of what was written; `None` where the system does not.
        pub fn copy(
            &self,
            source: &File,
            from: u64,
            target: &File,
            len: u64,
        ) -> io::Result<Option<u64>> {
            match &self.pipe {
                Some(pipe) => through(pipe, source, from, target, len),
                None => copied(source, from, target, len),
            }
        }
    }

    fn copied(source: &File, mut from: u64, target: &File, len: u64) -> io::Result<Option<u64>> {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        // A file that ended early, or that only claims to be long, gives nothing: a read will tell.
        count_of(retry_on_intr(|| copy_file_range(source, Some(&mut from), target, None, len)))
    }

    fn through(
        (read, write): &(OwnedFd, OwnedFd),
        source: &File,
        mut from: u64,
        target: &File,
        len: u64,
    ) -> io::Result<Option<u64>> {
        let (mut done, flags) = (0, SpliceFlags::empty());
        while done < len {
            let want = usize::try_from(len - done).map_or(AT_ONCE, |left| left.min(AT_ONCE));
            let taken = count_of(retry_on_intr(|| {
                splice(source, Some(&mut from), write, None, want, flags)
            }))?;
            let Some(taken) = taken else { break };
            let mut left = taken;
            while left > 0 {
                let most = usize::try_from(left).unwrap_or(AT_ONCE);
                match retry_on_intr(|| splice(read, None, target, None, most, flags))? {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    given => left = left.saturating_sub(given as u64),
                }
            }
            done += taken;
        }
        Ok((done > 0).then_some(done))
    }

    fn count_of(copied: Result<usize, Errno>) -> io::Result<Option<u64>> {
        match copied {
            Ok(0) => Ok(None),
            Ok(count) => Ok(Some(count as u64)),
            Err(Errno::XDEV | Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS | Errno::PERM) => {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use std::fs::File;
    use std::io;

    /// Nothing is known to be gained.
    pub fn reserve(_: &File, _: u64) {}

    /// The system has no such copy that is known here.
    pub struct KernelCopy;

    impl KernelCopy {
        /// To any file.
        pub fn new(_: &File) -> Self {
            Self
        }

        /// Always `None`.
        pub fn copy(&self, _: &File, _: u64, _: &File, _: u64) -> io::Result<Option<u64>> {
            Ok(None)
        }
    }
}
