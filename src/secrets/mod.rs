//! The secrets room.
