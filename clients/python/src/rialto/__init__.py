"""The Python SDK of Rialto. A reader starts at `client.py`; `connection.py` is how it stays connected."""

from .accounts import Accounts, Grant, HttpAnswer, HttpRequest, SignedIn
from .client import VERSION, Client, History, PresenceStats
from .environment import Environment, Listener, Socket
from .error import RialtoError, Unauthorized
from .event import (
    ChannelEvent,
    ClientEvent,
    ConversationPublication,
    Gap,
    InboxPublication,
    Joined,
    Left,
    PublicationEvent,
    ServerMessage,
    StateChanged,
    Subscribed,
    TopicPublication,
    UnknownPublication,
    Unsubscribed,
    conversation_channel,
    conversation_of,
)
from .hub import Lagged, Stream
from .limits import DEFAULT_SETTINGS, Settings
from .session import Session
from .state import (
    Closed,
    Connected,
    Connecting,
    ConnectionState,
    Disconnected,
    Position,
    Reason,
    Reasons,
    Suspended,
    should_reconnect,
    will_retry,
)
from .subscription import FirstAnswer, Subscription
from .token import Token, TokenSource
from .uuid7 import Uuid7Factory, uuid7_time

__version__ = VERSION

__all__ = [
    "DEFAULT_SETTINGS",
    "VERSION",
    "Accounts",
    "ChannelEvent",
    "Client",
    "ClientEvent",
    "Closed",
    "Connected",
    "Connecting",
    "ConnectionState",
    "ConversationPublication",
    "Disconnected",
    "Environment",
    "FirstAnswer",
    "Gap",
    "Grant",
    "History",
    "HttpAnswer",
    "HttpRequest",
    "InboxPublication",
    "Joined",
    "Lagged",
    "Left",
    "Listener",
    "Position",
    "PresenceStats",
    "PublicationEvent",
    "Reason",
    "Reasons",
    "RialtoError",
    "ServerMessage",
    "Session",
    "Settings",
    "SignedIn",
    "Socket",
    "StateChanged",
    "Stream",
    "Subscribed",
    "Subscription",
    "Suspended",
    "Token",
    "TokenSource",
    "TopicPublication",
    "Unauthorized",
    "UnknownPublication",
    "Unsubscribed",
    "Uuid7Factory",
    "conversation_channel",
    "conversation_of",
    "should_reconnect",
    "uuid7_time",
    "will_retry",
]
