mod schema;
mod search_path;
mod shared_session;
