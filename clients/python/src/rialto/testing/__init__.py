"""A server in memory, and time that obeys: for unit tests of bots and apps."""

from .person import Person
from .server import Fault, PushFault, TestServer
from .virtual_time import VirtualLoop, VirtualTestCase, run

__all__ = ["Fault", "Person", "PushFault", "TestServer", "VirtualLoop", "VirtualTestCase", "run"]
