//! The H4MK container: pure bytes in, records and requests out.
