//! The program as its operators meet it: what it prints, what it refuses, how it ends.

mod commands;
mod demo;
mod handbook;
mod program;
mod start;
