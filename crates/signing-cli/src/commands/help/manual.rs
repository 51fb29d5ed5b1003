//! Manual pages: what clap knows of a command, and what it does not.

use std::io;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};

use crate::cli::examples_of;

const EXIT_STATUS: [(&str, &str); 4] = [
    ("0", "The command was done, or everything was verified."),
    ("1", "Refused: something was decided, and the answer is no."),
    ("2", "Not decided: a usage error, or a problem with a file or with the database."),
    ("130", "Interrupted with Ctrl-C."),
];

/// A variable, the option that takes precedence over it if there is one, and its meaning.
struct Variable {
    name: &'static str,
    option: Option<&'static str>,
    meaning: &'static str,
}

const VARIABLES: [Variable; 11] = [
    Variable {
        name: "CLOACINA_DATABASE_URL",
        option: Some("database_url"),
        meaning: "The store: postgres://…, or a SQLite file.",
    },
    Variable {
        name: "PGPASSWORD, PGPASSFILE",
        option: None,
        meaning: "The password for Postgres, or the file that contains it, if the URL has none.",
    },
    Variable {
        name: "SSL_CERT_FILE",
        option: None,
        meaning: "The authorities that prove a Postgres server, if the URL has no sslrootcert.",
    },
    Variable {
        name: "CLOACINA_KEY_ENCRYPTION_KEY",
        option: Some("kek_file"),
        meaning: "The key encryption key: 64 hexadecimal digits, or base64 of 32 bytes.",
    },
    Variable {
        name: "CLOACINA_KEY_ENCRYPTION_KEY_FILE",
        option: Some("kek_file"),
        meaning: "A file that contains it.",
    },
    Variable {
        name: "CREDENTIALS_DIRECTORY",
        option: Some("kek_file"),
        meaning: "Set by systemd: the credential cloacina-key-encryption-key contains it.",
    },
    Variable {
        name: "CLOACINA_KEY_PASSPHRASE",
        option: Some("passphrase_file"),
        meaning: "The passphrase of a private key's file, or the PIN of a token.",
    },
    Variable {
        name: "SSH_AUTH_SOCK",
        option: Some("key"),
        meaning: "The socket of the ssh-agent, for a key agent:NAME.",
    },
    Variable {
        name: "CLOACINA_ORG",
        option: Some("org"),
        meaning: "The name or id of the organization that the command is about.",
    },
    Variable {
        name: "CLOACINA_ACTOR",
        option: Some("actor"),
        meaning: "Who makes the change, for the audit log.",
    },
    Variable { name: "NO_COLOR", option: Some("color"), meaning: "If it is set, no color." },
];

const FILES: [(&str, &str); 5] = [
    (
        "~/.local/share/cloacina/cloacina.db",
        "The store, unless another one is named. XDG_DATA_HOME replaces ~/.local/share.",
    ),
    (
        "~/.config/cloacina/key-encryption-key",
        "The key encryption key, unless another one is named. XDG_CONFIG_HOME replaces ~/.config.",
    ),
    ("~/.pgpass", "Passwords for Postgres, as psql reads them."),
    ("FILE.sig", "The signatures of the package FILE: a DSSE envelope."),
    ("FILE.state", "What was seen of the signed trust that the root document FILE begins."),
];

/// The page of the command at a path such as `keys generate`.
pub(super) fn page(command: &Command, name: &str, path: &str) -> io::Result<String> {
    let man = Man::new(command.clone())
        .title(name.to_uppercase())
        .date(env!("CLOACINA_DATE"))
        .source(concat!("cloacina ", env!("CARGO_PKG_VERSION")))
        .manual("cloacina");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let mut roff = Roff::new();
    exit_status(&mut roff);
    environment(&mut roff, command);
    files(&mut roff);
    examples(&mut roff, path);
    see_also(&mut roff, path);
    roff.to_writer(&mut page)?;
    Ok(tidied(&String::from_utf8_lossy(&page)))
}

/// Without what the parts of the page repeat, and with one request for an empty line.
fn tidied(page: &str) -> String {
    let preamble = page.split_once(".TH").map(|(preamble, _)| preamble).unwrap_or_default();
    let (first, rest) = page.split_at(preamble.len());
    let rest = if preamble.is_empty() { rest.to_owned() } else { rest.replace(preamble, "") };
    format!("{first}{}", rest.replace("\n.br\n\n.br\n", "\n.sp\n"))
}

fn exit_status(roff: &mut Roff) {
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in EXIT_STATUS {
        roff.control("TP", []).text([bold(code)]).text([roman(meaning)]);
    }
}

fn environment(roff: &mut Roff, command: &Command) {
    roff.control("SH", ["ENVIRONMENT"]);
    for Variable { name, option, meaning } in &VARIABLES {
        let argument = |id| command.get_arguments().find(|arg| arg.get_id() == id);
        let long = option.map(argument);
        let mut text = vec![roman(*meaning)];
        match long {
            Some(None) => continue,
            Some(Some(argument)) => {
                let long = argument.get_long().unwrap_or_default();
                text.extend([
                    roman(" The option "),
                    bold(format!("--{long}")),
                    roman(" takes precedence."),
                ]);
            }
            None => {}
        }
        roff.control("TP", []).text([bold(*name)]).text(text);
    }
}

fn files(roff: &mut Roff) {
    roff.control("SH", ["FILES"]);
    for (path, meaning) in FILES {
        roff.control("TP", []).text([italic(path)]).text([roman(meaning)]);
    }
}

fn examples(roff: &mut Roff, path: &str) {
    let examples = examples_of(path);
    if examples.is_empty() {
        return;
    }
    roff.control("SH", ["EXAMPLES"]);
    for (number, (what, line)) in examples.iter().enumerate() {
        if number > 0 {
            roff.control("PP", []);
        }
        roff.text([roman(format!("{what}:"))]);
        roff.control("RS", ["4"]).control("nf", []);
        roff.text([roman(line)]);
        roff.control("fi", []).control("RE", []);
    }
}

/// The page of the commands that this one is among.
fn see_also(roff: &mut Roff, path: &str) {
    if path.is_empty() {
        return;
    }
    let group = path.rsplit_once(' ').map(|(group, _)| format!("-{}", group.replace(' ', "-")));
    roff.control("SH", ["SEE ALSO"]);
    roff.text([bold(format!("cloacina{}", group.unwrap_or_default())), roman("(1)")]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_has_every_variable_of_the_page_of_configuration() {
        let page = include_str!("../../../../../docs/content/reference/configuration.md");
        let rows = page.lines().filter(|line| line.starts_with("| `CLOACINA_"));
        let named = rows.filter_map(|row| row.split('`').nth(1)).collect::<Vec<_>>();
        assert!(named.len() > 4, "{named:?}");
        for name in named {
            assert!(VARIABLES.iter().any(|variable| variable.name == name), "{name}");
        }
    }
}
