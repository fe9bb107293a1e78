//! Players who take all of a stream over one connection.

use std::sync::Arc;

use super::{Live, Stream};
use crate::player::Player;

impl Stream {
    /// Adds a player, who gets headers and the current group of pictures at once where the stream is live.
    pub fn attach(&self, player: Arc<Player>) {
        let Live { gop, fan, .. } = &mut *self.live();
        fan.add(player, gop.tags());
    }

    /// The same where somebody publishes. Says whether somebody does.
    pub fn join(&self, player: &Arc<Player>) -> bool {
        let Live { publisher, gop, fan, .. } = &mut *self.live();
        let is_live = publisher.is_some();
        if is_live {
            fan.add(player.clone(), gop.tags());
        }
        is_live
    }

    /// Lets a player go on after a pause.
    pub fn resume(&self, player: &Player) {
        let live = self.live();
        live.fan.resume(player, live.gop.tags());
    }

    /// Removes a player.
    pub fn detach(&self, player: &Arc<Player>) {
        self.live().fan.remove(player);
    }

    /// A player is disconnected because it was too slow for too long.
    pub fn count_given_up(&self, player: &Player) {
        self.live().fan.losses().of(player.form()).count_given_up();
    }
}
