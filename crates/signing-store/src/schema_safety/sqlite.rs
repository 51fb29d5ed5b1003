//! SQLite keeps the text of each statement that made something, and makes it again from this text
//! whenever it opens the file. So the text decides, and not what its row says of its kind.

use std::mem;

use diesel::dsl::max;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;

use crate::backend::connection::SqliteConnection;
use crate::error::{SchemaFault, StoreError};
use crate::migrations::{CREATE_SQLITE_MIGRATIONS, MIGRATIONS, SchemaStatus};
use crate::schema::{store_state, trust_history};

/// What `ANALYZE` makes.
const STATISTICS: [&str; 2] = [
    "CREATE TABLE sqlite_stat1(tbl,idx,stat)",
    "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)",
];

#[derive(QueryableByName)]
struct Object {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    sql: String,
}

pub(super) async fn require_own_code(
    connection: &mut SqliteConnection,
    status: &SchemaStatus,
) -> Result<(), StoreError> {
    let query = "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL";
    let mut objects: Vec<Object> = diesel::sql_query(query).load(connection).await?;
    for object in objects.iter_mut().filter(|object| object.sql.contains('"')) {
        object.sql = without_quoted_tables(mem::take(&mut object.sql));
    }
    let is_complete = *status == SchemaStatus::Current;
    match fault(&objects).or_else(|| missing(&objects).filter(|_| is_complete)) {
        Some(fault) => Err(StoreError::UnsafeSchema { schema: "main".into(), fault }),
        None => Ok(()),
    }
}

fn fault(objects: &[Object]) -> Option<SchemaFault> {
    let unknown = objects.iter().find(|object| {
        let is_ours = statements().any(|statement| is_made_by(object, statement));
        !is_ours && object.sql != CREATE_SQLITE_MIGRATIONS && !STATISTICS.contains(&&*object.sql)
    });
    unknown.map(|object| SchemaFault::UnknownObject { object: object.name.clone() })
}

/// The audit log's triggers may be missing: what was done to the log without them, its hashes show.
fn missing(objects: &[Object]) -> Option<SchemaFault> {
    let missing = statements().find(|statement| {
        let guards_log = name_of(statement).starts_with("audit_log_is_not_");
        !guards_log && !objects.iter().any(|it| is_made_by(it, statement))
    });
    missing.map(|statement| SchemaFault::MissingObject { object: name_of(statement).to_owned() })
}

/// Asks SQLite to look at every page of the file. An index that leads to another row than the table
/// has would let a change reach one row, and a decision read another; a page that is used twice, or
/// counts as free, would lose a row when something else is written.
pub(super) async fn require_sound_file(
    connection: &mut SqliteConnection,
    status: &SchemaStatus,
) -> Result<(), StoreError> {
    let query = "SELECT integrity_check AS found FROM pragma_integrity_check LIMIT 1";
    let Finding { found } = diesel::sql_query(query).get_result(connection).await?;
    if found != "ok" {
        // Several findings about pages are one answer, below a heading.
        return Err(damaged(found.lines().last().unwrap_or_default().to_owned()));
    }
    match status {
        SchemaStatus::Current => require_present_at_end_of_history(connection).await,
        _ => Ok(()),
    }
}

/// The history of trust ends at the present state, and each change adds the next number. A row that
/// is ahead, or the last number that there is, would stop every change; without the present state
/// in it, who has seen that takes the store for another one.
async fn require_present_at_end_of_history(
    connection: &mut SqliteConnection,
) -> Result<(), StoreError> {
    // One statement, which no change of another program can come between.
    let last = trust_history::table.select(max(trust_history::epoch)).single_value();
    let both = store_state::table.select((store_state::trust_epoch, last));
    let found: Option<(i64, Option<i64>)> = both.first(connection).await.optional()?;
    let (now, last) = found.ok_or_else(|| damaged("store_state has no row".into()))?;
    match last == Some(now) && now < i64::MAX {
        true => Ok(()),
        false => {
            let last = last.map_or("is empty".to_owned(), |last| format!("ends at {last}"));
            Err(damaged(format!("the state of trust has the number {now}, and its history {last}")))
        }
    }
}

fn damaged(found: String) -> StoreError {
    StoreError::UnsafeSchema { schema: "main".into(), fault: SchemaFault::Damaged { found } }
}

#[derive(QueryableByName)]
struct Finding {
    #[diesel(sql_type = Text)]
    found: String,
}

/// The migrations' statements that make something, each with what comes after it.
fn statements() -> impl Iterator<Item = &'static str> {
    MIGRATIONS.iter().flat_map(|migration| {
        let all = migration.sqlite;
        all.match_indices("CREATE ").filter_map(move |(at, _)| {
            let begins_a_line = at == 0 || all.as_bytes()[at - 1] == b'\n';
            begins_a_line.then(|| &all[at..])
        })
    })
}

fn is_made_by(object: &Object, statement: &str) -> bool {
    let after = statement.strip_prefix(&*object.sql);
    after.is_some_and(|after| after.starts_with(";\n"))
}

/// `ALTER TABLE` puts the name of a table into quotes, also when it gets its own name back.
fn without_quoted_tables(sql: String) -> String {
    tables()
        .chain([name_of(CREATE_SQLITE_MIGRATIONS)])
        .fold(sql, |sql, name| sql.replace(&format!("\"{name}\""), name))
}

fn tables() -> impl Iterator<Item = &'static str> {
    statements().filter(|statement| statement.starts_with("CREATE TABLE ")).map(name_of)
}

/// The name of what a statement makes.
fn name_of(statement: &str) -> &str {
    let mut words = statement.split_whitespace();
    let _kind = words.find(|word| matches!(*word, "TABLE" | "INDEX" | "TRIGGER" | "VIEW"));
    words.next().unwrap_or_default()
}
