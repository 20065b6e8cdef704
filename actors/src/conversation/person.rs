//! One user's standing in a conversation.

use crdts::LWWReg;
use rialto_protocol::rpc::Role;
use serde::{Deserialize, Serialize};

/// A user who is, or was, a member. Markers are row numbers: unique, and monotone by construction.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Person {
    /// The role; `None` when not a member.
    role: LWWReg<Option<Role>, u64>,
    /// The row that brought the user in, and the place within it: who is the oldest.
    pub(crate) joined: (u64, u32),
    /// Messages sent here, by those who left and came back too.
    pub(crate) own: u64,
    /// The row of the last of them.
    pub(crate) last_own: u64,
    ban: Ban,
}

impl Person {
    /// The role now.
    pub(crate) fn role(&self) -> Option<Role> {
        self.role.val
    }

    /// Sets the role from this row on.
    pub(crate) fn set_role(&mut self, role: Option<Role>, seq: u64) {
        self.role.update(role, seq);
    }

    /// Whether the user may not join.
    pub(crate) fn banned(&self) -> bool {
        self.ban.stands()
    }

    /// Bans from this row on.
    pub(crate) fn set_ban(&mut self, seq: u64) {
        self.ban.set_at = self.ban.set_at.max(seq);
    }

    /// Lifts the ban from this row on.
    pub(crate) fn lift_ban(&mut self, seq: u64) {
        self.ban.lifted_at = self.ban.lifted_at.max(seq);
    }

    /// Whether there is nothing to remember of one who is not a member.
    pub(crate) fn is_forgettable(&self) -> bool {
        self.role().is_none() && self.own == 0 && !self.banned()
    }
}

/// A flag of two maxima in which the ban wins a tie: membership data that were ever merged could not lift it by accident.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Ban {
    set_at: u64,
    lifted_at: u64,
}

impl Ban {
    fn stands(self) -> bool {
        self.set_at > 0 && self.set_at >= self.lifted_at
    }
}
