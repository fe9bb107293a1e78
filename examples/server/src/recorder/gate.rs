//! What a slow disk cannot take is left out, up to the next key frame.

use super::file::OutFile;
use super::health::Health;

/// Lets units and tags into a file while the disk keeps up.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// Pictures are left out until the next key frame.
    waits_for_key: bool,
    /// They are because some were lost.
    gap: bool,
    said: bool,
}

impl Gate {
    /// Pictures are of no use before the next key frame.
    pub(super) const fn wait_for_key(&mut self) {
        self.waits_for_key = true;
    }

    /// Whether a unit of so many bytes goes into the file. `key` is whether it is a key frame, `None` for what is no picture.
    pub(super) fn admits(
        &mut self,
        bytes: usize,
        key: Option<bool>,
        file: &OutFile,
        health: &Health,
    ) -> bool {
        if !file.has_room(bytes) {
            (self.waits_for_key, self.gap) = (true, true);
            file.lose();
            if !std::mem::replace(&mut self.said, true) {
                tracing::warn!("the disk is too slow: the recording has a gap");
                health.add_problem("the disk is too slow: the recording has gaps".into());
            }
            return false;
        }
        match key {
            Some(false) if self.waits_for_key => {
                if self.gap {
                    file.lose();
                }
                return false;
            }
            Some(true) => (self.waits_for_key, self.gap) = (false, false),
            _ => {}
        }
        true
    }
}
