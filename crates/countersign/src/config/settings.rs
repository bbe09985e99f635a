//! The table of settings: name, meaning, how it is set and how it is printed.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::LazyLock;

use vault::Secret;

use super::values::{Given, print_duration};
use super::{Config, LogFormat};

/// One setting.
pub(super) struct Setting {
    /// Its name in the file, with dots between the levels.
    pub(super) name: &'static str,
    /// What it does, for the reference.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test writes the reference from it"))]
    pub(super) help: &'static str,
    /// The words for its default in the reference, where the value itself says too little.
    default: Option<&'static str>,
    /// Whether it may only come from the environment, because a file is no place for a secret.
    pub(super) secret: bool,
    /// Sets it.
    pub(super) set: fn(&mut Config, Given) -> Result<(), String>,
    /// Its value in TOML; `None` while it is not set.
    get: fn(&Config) -> Option<String>,
}

impl Setting {
    /// Its name in the environment.
    pub(super) fn variable(&self) -> String {
        format!("COUNTERSIGN_{}", self.name.to_ascii_uppercase().replace('.', "__"))
    }
}

pub(super) const fn setting(
    name: &'static str,
    help: &'static str,
    set: fn(&mut Config, Given) -> Result<(), String>,
    get: fn(&Config) -> Option<String>,
) -> Setting {
    Setting { name, help, default: None, secret: false, set, get }
}

impl Setting {
    pub(super) const fn default(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        self
    }

    const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }
}

/// The most a body or an answer may be set to, in bytes: what stays in memory per call.
const BYTES_MAX: i64 = 256 << 20;

macro_rules! timeout {
    ($field:ident, $help:literal) => {
        setting(
            concat!("gateway.timeouts.", stringify!($field)),
            $help,
            |config, given| {
                config.gateway.timeouts.$field = given.duration()?;
                Ok(())
            },
            |config| Some(quoted(&print_duration(config.gateway.timeouts.$field))),
        )
    };
}

macro_rules! bytes {
    ($field:ident, $help:literal) => {
        setting(
            concat!("gateway.", stringify!($field)),
            $help,
            |config, given| {
                let bytes = given.whole(1024, BYTES_MAX)?;
                config.gateway.$field = usize::try_from(bytes).map_err(|e| e.to_string())?;
                Ok(())
            },
            |config| Some(config.gateway.$field.to_string()),
        )
    };
}

/// The settings that stand here.
const OWN: [Setting; 29] = [
    setting(
        "data_dir",
        "The directory of the database. Made at the first start, readable by its owner only.",
        |config, given| {
            config.data_dir = PathBuf::from(given.text("a path")?);
            Ok(())
        },
        |config| Some(quoted(&config.data_dir.display().to_string())),
    ),
    setting(
        "admin_email",
        "The address of the first admin, for a start without people. \
         Not looked at any more once an admin can sign in.",
        |config, given| {
            config.admin.email = Some(given.text("an e-mail address")?);
            Ok(())
        },
        |config| config.admin.email.as_deref().map(quoted),
    )
    .default("none"),
    setting(
        "admin_password_file",
        "The file of the first admin's password.",
        |config, given| {
            config.admin.password_file = Some(PathBuf::from(given.text("a path")?));
            Ok(())
        },
        |config| {
            config.admin.password_file.as_ref().map(|path| quoted(&path.display().to_string()))
        },
    )
    .default("none"),
    setting(
        "gateway.listen",
        "Where agents connect: an address and a port.",
        |config, given| {
            config.gateway.listen = given.address()?;
            Ok(())
        },
        |config| Some(quoted(&config.gateway.listen.to_string())),
    ),
    setting(
        "gateway.public_url",
        "The address agents use, where a proxy stands in front. Its host is allowed as well.",
        |config, given| {
            config.gateway.public_url = Some(given.base_url()?);
            Ok(())
        },
        |config| config.gateway.public_url.as_deref().map(quoted),
    )
    .default("the listener's own"),
    setting(
        "gateway.hosts",
        "Host names agents may ask for, beside loopback names. Empty, and not on loopback: any.",
        |config, given| {
            config.gateway.hosts = given.hosts()?;
            Ok(())
        },
        |config| Some(list(&config.gateway.hosts)),
    ),
    setting(
        "gateway.origins",
        "Origins that pages in browsers may call from.",
        |config, given| {
            config.gateway.origins = given.origins()?;
            Ok(())
        },
        |config| Some(list(&config.gateway.origins)),
    ),
    bytes!(body_bytes_max, "The largest body of a request, in bytes."),
    bytes!(answer_bytes_max, "The largest answer that is collected to be checked, in bytes."),
    setting(
        "gateway.connections_per_address_max",
        "The most connections from one address.",
        |config, given| {
            let most = given.whole(1, 1_000_000)?;
            config.gateway.connections_per_address_max =
                u32::try_from(most).map_err(|e| e.to_string())?;
            Ok(())
        },
        |config| Some(config.gateway.connections_per_address_max.to_string()),
    ),
    timeout!(header, "How long the head of a request may take."),
    timeout!(body, "How long the body of a request may take."),
    timeout!(connect, "How long name look-up, connection and TLS to an upstream may take."),
    timeout!(first_byte, "How long an upstream may take until the first byte of its answer."),
    timeout!(idle, "How long an upstream may pause within an answer."),
    timeout!(drain, "How long calls in flight may take to finish at shutdown."),
    setting(
        "control.listen",
        "Where operators and programs connect: an address and a port.",
        |config, given| {
            config.control.listen = given.address()?;
            Ok(())
        },
        |config| Some(quoted(&config.control.listen.to_string())),
    ),
    setting(
        "control.public_url",
        "The address operators use, where a proxy stands in front.",
        |config, given| {
            config.control.public_url = Some(given.base_url()?);
            Ok(())
        },
        |config| config.control.public_url.as_deref().map(quoted),
    )
    .default("the listener's own"),
    setting(
        "control.trusted_proxies",
        "Addresses and networks of proxies whose `X-Forwarded-For` says where a request comes from. \
         Empty: nobody's does.",
        |config, given| {
            config.control.trusted_proxies = given.networks()?;
            Ok(())
        },
        |config| Some(list(&config.control.trusted_proxies)),
    ),
    setting(
        "control.identity_providers_file",
        "A JSON file of identity providers, made and changed by slug at every start.",
        |config, given| {
            config.control.identity_providers_file = Some(PathBuf::from(given.text("a path")?));
            Ok(())
        },
        |config| {
            let file = config.control.identity_providers_file.as_ref();
            file.map(|path| quoted(&path.display().to_string()))
        },
    )
    .default("none"),
    setting(
        "control.reveal_credentials",
        "Whether an admin who has just signed in afresh may read a credential back, with a reason \
         and on record: `yes` or `no`.",
        |config, given| {
            config.control.reveal_credentials = match given.text("\"yes\" or \"no\"")?.as_str() {
                "yes" => true,
                "no" => false,
                _ => return Err("takes \"yes\" or \"no\"".to_owned()),
            };
            Ok(())
        },
        |config| Some(quoted(if config.control.reveal_credentials { "yes" } else { "no" })),
    ),
    setting(
        "root_key.file",
        "The file of the root key, mode 0600. Made at the first start.",
        |config, given| {
            config.root_key.file = Some(PathBuf::from(given.text("a path")?));
            Ok(())
        },
        |config| config.root_key.file.as_ref().map(|path| quoted(&path.display().to_string())),
    )
    .default("`root.key` in `data_dir`"),
    setting(
        "root_key.fd",
        "An open file descriptor to read the root key from, instead of a file.",
        |config, given| {
            let fd = given.whole(0, 1_000_000)?;
            config.root_key.fd = Some(u32::try_from(fd).map_err(|e| e.to_string())?);
            Ok(())
        },
        |config| config.root_key.fd.map(|fd| fd.to_string()),
    )
    .default("none"),
    setting(
        "root_key.command",
        "A program and its arguments that print the root key, instead of a file: for a key \
         service. Run without a shell at the start; it has 30 seconds.",
        |config, given| {
            config.root_key.command = Some(given.command()?);
            Ok(())
        },
        |config| config.root_key.command.as_ref().map(|words| list(words)),
    )
    .default("none"),
    setting(
        "root_key.next_file",
        "The file of the root key that `countersign keys root-key` goes over to. Tried at the \
         start when the present one does not open the database.",
        |config, given| {
            config.next_root_key.file = Some(PathBuf::from(given.text("a path")?));
            Ok(())
        },
        |config| {
            let file = config.next_root_key.file.as_ref();
            file.map(|path| quoted(&path.display().to_string()))
        },
    )
    .default("none"),
    setting(
        "root_key.next_command",
        "The same, from a program.",
        |config, given| {
            config.next_root_key.command = Some(given.command()?);
            Ok(())
        },
        |config| config.next_root_key.command.as_ref().map(|words| list(words)),
    )
    .default("none"),
    setting(
        "root_key.value",
        "The root key itself, 32 bytes in base64 or hex. Environment only, and the last resort: \
         it is taken out of the process's environment before anything else starts.",
        |config, given| {
            let text = given.text("32 bytes in base64 or hex")?;
            config.root_key.value = Some(Secret::from(text));
            Ok(())
        },
        |config| config.root_key.value.as_ref().map(|_| quoted("[redacted]")),
    )
    .default("none")
    .secret(),
    setting(
        "log.format",
        "Log lines for people (`text`) or one JSON object a line (`json`).",
        |config, given| {
            config.log.format = match given.text("\"text\" or \"json\"")?.as_str() {
                "text" => LogFormat::Text,
                "json" => LogFormat::Json,
                _ => return Err("takes \"text\" or \"json\"".to_owned()),
            };
            Ok(())
        },
        |config| {
            Some(quoted(match config.log.format {
                LogFormat::Text => "text",
                LogFormat::Json => "json",
            }))
        },
    ),
    setting(
        "log.level",
        "The least serious lines written: `error`, `warn`, `info`, `debug` or `trace`. \
         Other people's code never writes more than `info`.",
        |config, given| {
            let takes = "\"error\", \"warn\", \"info\", \"debug\" or \"trace\"";
            let text = given.text(takes)?;
            let known = ["error", "warn", "info", "debug", "trace"].contains(&text.as_str());
            let level = known.then(|| text.parse().ok()).flatten();
            config.log.level = level.ok_or_else(|| format!("takes {takes}"))?;
            Ok(())
        },
        |config| Some(quoted(&config.log.level.to_string().to_ascii_lowercase())),
    ),
];

/// Every setting, in the order they are printed.
pub(super) static SETTINGS: LazyLock<Vec<Setting>> =
    LazyLock::new(|| OWN.into_iter().chain(super::export::SETTINGS).collect());

/// The configuration in force as TOML. What is not set stands there as a comment.
pub(super) fn print(config: &Config) -> String {
    let mut text = String::new();
    let mut section = "";
    for setting in SETTINGS.iter() {
        let (here, key) = setting.name.rsplit_once('.').unwrap_or(("", setting.name));
        if here != section {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "\n[{here}]");
            section = here;
        }
        let _ = match (setting.get)(config) {
            Some(value) if setting.secret => writeln!(text, "# {key} = {value}"),
            Some(value) => writeln!(text, "{key} = {value}"),
            None => writeln!(text, "# {key} is not set"),
        };
    }
    text
}

/// The reference of all settings, as a table in Markdown.
#[cfg(test)]
pub(super) fn reference() -> String {
    let defaults = Config::default();
    let mut text =
        String::from("| setting | variable | default | meaning |\n| --- | --- | --- | --- |\n");
    for setting in SETTINGS.iter() {
        let default = match setting.default {
            Some(words) => words.to_owned(),
            None => (setting.get)(&defaults).map(|value| format!("`{value}`")).unwrap_or_default(),
        };
        let _ = writeln!(
            text,
            "| `{}` | `{}` | {default} | {} |",
            setting.name,
            setting.variable(),
            setting.help
        );
    }
    text
}

/// A text as TOML writes it. The escapes of a JSON string mean the same there.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn list(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
    format!("[{}]", items.join(", "))
}
