//! Who may do what: the one table. Rows of an action are read from the top; the first that fits decides.

use rialto_protocol::ErrorCode;
use rialto_protocol::rpc::{ConversationKind, Role};

use ConversationKind::{Direct, Public};
use Role::{Admin, Owner};

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// See that it exists: `get`.
    See,
    /// Read: messages, members, history, subscription, presence, read marker.
    Read,
    /// Send, edit and delete one's own, react, show that one types.
    Speak,
    /// Come in by oneself.
    Join,
    /// Go.
    Leave,
    /// Bring others in.
    Invite,
    /// Bring in somebody who was removed.
    LiftBan,
    /// Put somebody of this role out.
    Remove(Role),
    /// Delete somebody else's message.
    Moderate,
    /// Change title and settings.
    Set,
    /// Change roles.
    SetRole,
}

/// Whether a user of this role (`None`: not a member) may do this in a conversation of this kind.
///
/// # Errors
/// What to answer if not: one who may not see a conversation is told that there is none.
pub(crate) fn check(action: Action, kind: ConversationKind, role: Option<Role>) -> Result<(), ErrorCode> {
    match (action, kind, role) {
        // Not a member: a public conversation can be seen and joined, others do not exist.
        (Action::See | Action::Join, Public, None) => Ok(()),
        (_, Public, None) => Err(ErrorCode::NotAMember),
        (_, _, None) => Err(ErrorCode::NotFound),
        // Every member. Joining again changes nothing.
        (Action::See | Action::Read | Action::Speak | Action::Join, _, Some(_)) => Ok(()),
        // A direct conversation has two equal members for ever.
        (_, Direct, Some(_)) => Err(ErrorCode::Forbidden),
        (Action::Leave | Action::Invite, _, Some(_)) => Ok(()),
        (Action::Remove(_) | Action::SetRole, _, Some(Owner)) => Ok(()),
        (Action::Remove(Role::Member), _, Some(Admin)) => Ok(()),
        (Action::LiftBan | Action::Moderate | Action::Set, _, Some(Admin | Owner)) => Ok(()),
        _ => Err(ErrorCode::Forbidden),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ConversationKind::Group;
    use Role::Member;

    #[test]
    fn the_table_says_what_the_roles_promise() {
        let members_only = [Action::Read, Action::Speak, Action::Leave, Action::Invite, Action::Set, Action::SetRole, Action::Moderate];
        for action in members_only {
            assert_eq!(check(action, Public, None), Err(ErrorCode::NotAMember));
            assert_eq!(check(action, Group, None), Err(ErrorCode::NotFound));
            assert_eq!(check(action, Direct, None), Err(ErrorCode::NotFound));
        }
        for kind in [Group, Public] {
            assert!([Action::Read, Action::Speak, Action::Invite, Action::Leave].iter().all(|a| check(*a, kind, Some(Member)).is_ok()));
            assert_eq!(check(Action::Remove(Member), kind, Some(Member)), Err(ErrorCode::Forbidden));
            assert_eq!(check(Action::Remove(Member), kind, Some(Admin)), Ok(()));
            assert_eq!(check(Action::Remove(Admin), kind, Some(Admin)), Err(ErrorCode::Forbidden));
            assert_eq!(check(Action::Remove(Owner), kind, Some(Owner)), Ok(()));
            assert_eq!(check(Action::SetRole, kind, Some(Admin)), Err(ErrorCode::Forbidden));
        }
        for action in [Action::Leave, Action::Invite, Action::Set, Action::Moderate, Action::Remove(Member)] {
            assert_eq!(check(action, Direct, Some(Member)), Err(ErrorCode::Forbidden));
        }
        assert_eq!(check(Action::Join, Group, None), Err(ErrorCode::NotFound));
    }
}
