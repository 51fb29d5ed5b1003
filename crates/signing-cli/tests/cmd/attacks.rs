//! What an audit did to the program, each next to the same thing done rightly.

mod program;
