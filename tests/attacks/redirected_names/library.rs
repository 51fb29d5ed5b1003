mod schema;
mod search_path;
