//! Integration tests: everything over HTTP, nothing mocked inside a client.

mod clients;
