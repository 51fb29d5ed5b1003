mod files;
mod memory;
mod names;
mod output;
mod secrets;
mod table;
mod times;
mod version;
