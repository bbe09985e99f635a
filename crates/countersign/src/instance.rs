//! One running instance: the store, the gateway over it, the control plane over it, two listeners.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use store::sqlite::{Sqlite, Tending};
use store::{
    By, Clock, ControlPlane as _, DataPlane as _, FIRST_ADMIN_EMAIL, KeyId, MemberDraft,
    MemberState, Moment, OrgId, People as _, Role, SignIn as _, StoreError, SystemClock,
};
use tokio::net::TcpListener;
use tokio::sync::watch;
use vault::{OsRandom, RootKey, RootKeySource, Secret, SourceError, Token};

use crate::config::{Config, EvidenceLog};
use crate::failure::{Failure, reason};
use crate::prober::GatewayProber;
use crate::telemetry::Telemetry;
use crate::witnesses;

/// How long the last spans and measurements may take at the end.
const TELL: Duration = Duration::from_secs(3);

/// The database in the data directory; the store names it so.
pub(crate) const DATABASE: &str = "countersign.db";

/// An admin API key that was just made.
pub(crate) struct FirstKey {
    id: KeyId,
    /// The key itself.
    pub(crate) token: Token,
}

/// The two listeners, bound before anything else is touched.
pub(crate) struct Listeners {
    gateway: TcpListener,
    control: TcpListener,
}

/// An instance that is ready to serve.
pub(crate) struct Instance {
    pub(crate) gateway_url: String,
    pub(crate) control_url: String,
    /// The link by which the first admin sets things up, while there is none who can sign in.
    pub(crate) setup_url: Option<String>,
    /// Where the server for trying things out is, if one runs beside this instance.
    pub(crate) demo_url: Option<String>,
    /// The first admin API key, if this start made one.
    pub(crate) first_key: Option<FirstKey>,
    store: Arc<Sqlite>,
    gateway: Arc<gateway::Gateway>,
    control: control::Control,
    courier: notify::Courier,
    telemetry: Telemetry,
    evidence: EvidenceLog,
    listeners: Listeners,
}

impl Instance {
    /// The store behind both planes.
    pub(crate) fn store(&self) -> Arc<Sqlite> {
        Arc::clone(&self.store)
    }
}

impl Listeners {
    /// Binds both ports.
    pub(crate) async fn bind(config: &Config) -> Result<Self, Failure> {
        let (gateway, control) = (config.gateway.listen, config.control.listen);
        Ok(Self {
            gateway: bind(gateway, "gateway", "gateway.listen").await?,
            control: bind(control, "control plane", "control.listen").await?,
        })
    }
}

async fn bind(address: SocketAddr, what: &str, setting: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::AddrInUse => "another program has the port".to_owned(),
            std::io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
            std::io::ErrorKind::PermissionDenied => "this user may not use the port".to_owned(),
            _ => reason(&error),
        };
        Failure::new(
            "port",
            format!("the {what} cannot listen on {address}: {why}"),
            format!("end the other program, or choose another address with `{setting}`"),
        )
    })
}

impl Instance {
    /// Opens the store and joins the parts.
    pub(crate) async fn open(config: &Config, listeners: Listeners) -> Result<Self, Failure> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let store = Arc::new(open_store(config, &clock)?);
        witnesses::look(&config.evidence, &store).await?;
        let org = store.org().clone();
        let first_key = first_key(&store, &org, clock.as_ref()).await?;

        let (gateway_at, control_at) = listeners.addresses()?;
        let (gateway_url, control_url) =
            (config.gateway_url(gateway_at), config.control_url(control_at));
        let keyring = store.keyring();
        let mut for_gateway = config.for_gateway();
        for_gateway.holding.link_base = Some(control_url.clone());
        let gateway = gateway::Gateway::new(
            for_gateway,
            Arc::clone(&store) as Arc<dyn store::DataPlane>,
            keyring,
            Arc::clone(&clock),
        );
        let prober = GatewayProber {
            gateway: Arc::clone(&gateway),
            store: Arc::clone(&store),
            org: org.clone(),
        };
        let outbox = Arc::clone(&store) as Arc<dyn store::Outbox>;
        let courier = notify::Courier::new(outbox, Arc::clone(&clock), &control_url);
        let telemetry = Telemetry::open(&config.export, &store, &clock).await?;
        gateway.watched_by(telemetry.observer());
        let control = control::Control::new(
            Arc::clone(&store) as Arc<dyn store::ControlPlane>,
            Arc::new(prober),
            clock,
            &gateway_url,
        )
        .answering_to(config.control_host())
        .reached_at(config.control.public_url.as_deref())
        .behind(config.control_proxies())
        .revealing(config.control.reveal_credentials)
        .capturing(config.evidence.capture)
        .with_next_root_key(next_root_key(config))
        .with_root_key_of(&config.root_key_source().to_string())
        .watched_by(telemetry.watch(), config.export.metrics_for_all)
        .with_dashboard(crate::dashboard::FILES);
        let setup_url = match set_up(config, &control, &control_url).await {
            Ok(setup_url) => setup_url,
            Err(failure) => {
                // Nobody has seen the key, and the next start must show one.
                if let Some(key) = &first_key {
                    end_key(&store, key).await?;
                }
                return Err(failure);
            }
        };
        Ok(Self {
            gateway_url,
            control_url,
            setup_url,
            demo_url: None,
            first_key,
            store,
            gateway,
            control,
            courier,
            telemetry,
            evidence: config.evidence.clone(),
            listeners,
        })
    }

    /// Offers the server for trying things out to whoever adds a server.
    pub(crate) fn suggest_demo(&mut self, url: &str) {
        self.demo_url = Some(url.to_owned());
        self.control = self.control.clone().suggesting_demo(url);
    }

    /// Ends a first key that nobody has seen, so that the next start makes another.
    pub(crate) async fn take_back(&self, key: &FirstKey) -> Result<(), Failure> {
        end_key(&self.store, key).await
    }

    /// Serves until `stop` says so; then lets calls in flight finish and writes what waits.
    pub(crate) async fn serve(self, stop: watch::Receiver<bool>) -> Result<(), Failure> {
        let Self { store, gateway, control, courier, telemetry, evidence, listeners, .. } = self;
        let telling = tokio::spawn(courier.run(stopped(stop.clone())));
        let tended = Arc::clone(&store);
        let tending = tokio::spawn(async move { tended.tend_keys(Tending::default()).await });
        let told = telemetry.start(&stop);
        witnesses::follow(&evidence, &store, &stop);
        witnesses::retain(&evidence, &store, &stop);
        witnesses::tend_recordings(&store, &stop);
        // On a task of its own: agents are answered while the control plane still gets up.
        let operators =
            tokio::spawn(control::serve(listeners.control, control, stopped(stop.clone())));
        let agents = gateway.serve(listeners.gateway, stopped(stop)).await;
        let operators = operators.await.unwrap_or_else(|error| Err(error.into()));
        tending.abort();
        // It writes down what became of the last messages, so the store is closed after it.
        let _ = telling.await;
        // What is not told by then waits for the next start, or was a convenience.
        let _ = tokio::time::timeout(TELL, told.join_all()).await;
        let flushed = store.flush().await;
        // The writer is a thread of its own; it is waited for where waiting may block.
        let _ = tokio::task::spawn_blocking(move || store.close()).await;
        if let Err(error) = agents.and(operators) {
            let what = format!("a listener ended by itself: {}", reason(&error));
            return Err(Failure::new("listener", what, "start again; the log says more"));
        }
        flushed.map_err(|error| {
            Failure::new(
                "not_written",
                format!("the last outcomes could not be written: {error}"),
                "the next start closes those calls as unknown; free space on the disk first",
            )
        })
    }
}

impl Listeners {
    fn addresses(&self) -> Result<(SocketAddr, SocketAddr), Failure> {
        let address = |listener: &TcpListener| {
            listener.local_addr().map_err(|error| {
                Failure::new("port", format!("a listener has no address: {error}"), "start again")
            })
        };
        Ok((address(&self.gateway)?, address(&self.control)?))
    }
}

/// Ends when the instance is to stop.
async fn stopped(mut stop: watch::Receiver<bool>) {
    // Nobody left who could say so is as good as being told.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Opens the database with the root key; with the next one where it has gone over to that already.
fn open_store(config: &Config, clock: &Arc<dyn Clock>) -> Result<Sqlite, Failure> {
    let open =
        |root: &RootKey| Sqlite::open(&config.data_dir, root, clock.clone(), Arc::new(OsRandom));
    let first = open(&root_key(config)?);
    let (Err(StoreError::WrongRootKey), Some(next)) = (&first, config.next_root_key_source())
    else {
        return first.map_err(|error| unopened(&error, config));
    };
    let root = next.load().map_err(|error| unread(&error, &next))?;
    let store = open(&root).map_err(|error| unopened(&error, config))?;
    tracing::warn!(
        "the next root key opened the database: make it the root key in the configuration"
    );
    Ok(store)
}

/// How the control plane reads the root key that the instance is to go over to.
fn next_root_key(config: &Config) -> Option<control::NextRootKey> {
    config.next_root_key_source()?;
    let (file, command) = (config.next_root_key.file.clone(), config.next_root_key.command.clone());
    Some(Arc::new(move || {
        let source = match (&command, &file) {
            (Some(words), _) => RootKeySource::Command(words.clone()),
            (None, Some(file)) => RootKeySource::File(file.clone()),
            (None, None) => return Err("no next root key is set".to_owned()),
        };
        source.load().map_err(|error| error.to_string())
    }))
}

/// Reads the root key; at the first start, and only then, makes one.
pub(crate) fn root_key(config: &Config) -> Result<RootKey, Failure> {
    let source = config.root_key_source();
    match source.load() {
        Ok(root) => Ok(root),
        Err(SourceError::Missing { path }) => {
            let database = config.data_dir.join(DATABASE);
            if is_there(&database) {
                return Err(Failure::new(
                    "no_root_key",
                    format!(
                        "there is no root key at `{}`, and the database `{}` opens with no other",
                        path.display(),
                        database.display()
                    ),
                    "put the key file back from your backup, or say where it is with `root_key.file`",
                ));
            }
            make_root_key(config, &path)
        }
        Err(error) => Err(unread(&error, &source)),
    }
}

/// The root key of an instance that was started before: none is made here.
pub(crate) fn known_root_key(config: &Config) -> Result<RootKey, Failure> {
    let source = config.root_key_source();
    source.load().map_err(|error| match error {
        SourceError::Missing { path } => Failure::new(
            "no_root_key",
            format!("there is no root key at `{}`", path.display()),
            "put the key file there that belongs to this data, or say where it is with \
             `root_key.file`",
        ),
        error => unread(&error, &source),
    })
}

/// Why a copy was not put back, and what to do about it.
pub(crate) fn unrestored(error: &StoreError, copy: &Path, config: &Config) -> Failure {
    let (copy, dir) = (copy.display(), config.data_dir.display());
    match error {
        StoreError::Occupied { .. } => Failure::new(
            "occupied",
            format!("there is a database in `{dir}` already"),
            "restore into another directory with --data-dir, or move that one away",
        ),
        StoreError::WrongRootKey => Failure::new(
            "wrong_root_key",
            format!("the root key from {} does not open the backup", config.root_key_source()),
            "give the key that the backed-up instance ran with (`root_key.file`); nothing was changed",
        ),
        StoreError::NotADatabase { .. } => Failure::new(
            "not_a_backup",
            format!("the file `{copy}` is not a backup of Countersign"),
            "name the file that `countersign backup` wrote; nothing was changed",
        ),
        StoreError::NewerSchema { found, known } => Failure::new(
            "newer_database",
            format!(
                "the backup was written by a newer Countersign (schema {found}, this one knows {known})"
            ),
            "restore it with that version; nothing was changed",
        ),
        StoreError::Keyring(_) | StoreError::Corrupt { .. } => Failure::new(
            "damaged",
            format!("the backup `{copy}` is damaged: {error}"),
            "use another one; nothing was changed",
        ),
        other => Failure::new(
            "store",
            format!("the backup `{copy}` cannot be restored: {}", with_cause(other)),
            "check that the file is there, the disk, and the rights on the data directory",
        ),
    }
}

/// Whether there is a database already. An empty file is what a first start that failed leaves.
pub(crate) fn is_there(database: &Path) -> bool {
    std::fs::metadata(database).is_ok_and(|file| file.len() > 0)
}

fn make_root_key(config: &Config, path: &Path) -> Result<RootKey, Failure> {
    let root = RootKey::generate(&OsRandom).map_err(|_| {
        Failure::new("no_randomness", "the system gave no random bytes", "start again")
    })?;
    if path.parent() == Some(config.data_dir.as_path()) {
        make_data_dir(&config.data_dir)?;
    }
    vault::source::create_file(path, &root)
        .map_err(|error| unread(&error, &RootKeySource::File(path.to_owned())))?;
    tracing::info!(file = %path.display(), "a root key was made; keep a copy of it in a safe place");
    Ok(root)
}

fn make_data_dir(dir: &Path) -> Result<(), Failure> {
    if dir.is_dir() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|error| {
        Failure::new(
            "data_dir",
            format!("the data directory `{}` cannot be made: {}", dir.display(), reason(&error)),
            "name a directory you may write to with `data_dir`",
        )
    })
}

fn unread(error: &SourceError, source: &RootKeySource) -> Failure {
    let cause = match error {
        SourceError::Unreadable { cause, .. }
        | SourceError::NotWritten { cause, .. }
        | SourceError::NoDescriptor { cause, .. } => format!(": {}", reason(cause)),
        _ => String::new(),
    };
    let next = match error {
        SourceError::OpenToOthers { path, .. } => format!("run: chmod 600 '{}'", path.display()),
        SourceError::NotWritten { .. } => {
            "free space, or name a directory you may write to with `root_key.file`".to_owned()
        }
        SourceError::NotAKey { .. } => {
            "give the key this instance was started with first: 32 bytes in base64 or hex"
                .to_owned()
        }
        _ => format!("see that {source} can be read, or name another source under `root_key`"),
    };
    Failure::new("root_key", format!("{error}{cause}"), next)
}

/// Why the database did not open, and what to do about it.
pub(crate) fn unopened(error: &StoreError, config: &Config) -> Failure {
    let dir = config.data_dir.display();
    let database = config.data_dir.join(DATABASE);
    let database = database.display();
    match error {
        StoreError::WrongRootKey => Failure::new(
            "wrong_root_key",
            format!(
                "the root key from {} does not open the database `{database}`",
                config.root_key_source()
            ),
            "give the key this database was made with (`root_key.file`); nothing was changed",
        ),
        StoreError::NewerSchema { found, known } => Failure::new(
            "newer_database",
            format!(
                "the database `{database}` was written by a newer Countersign \
                 (schema {found}, this one knows {known})"
            ),
            "start the newer version again, or restore a backup from before; nothing was changed",
        ),
        StoreError::Evidence { what } => Failure::new(
            "evidence_log",
            format!("the evidence log in `{database}` is not as it was left: {what}"),
            "somebody changed the database. Keep the file as it is and export what it holds: \
             `countersign audit export --database FILE`; docs/evidence.md says what to do",
        ),
        StoreError::NotADatabase { .. } => Failure::new(
            "not_a_database",
            format!("the file `{database}` is not a database of Countersign"),
            "move it away, or name another directory with `data_dir`; nothing was changed",
        ),
        StoreError::InUse { .. } => Failure::new(
            "in_use",
            format!("the data directory `{dir}` is in use by another process"),
            "end the other `countersign serve`, or name another directory with `data_dir`",
        ),
        StoreError::Full => Failure::new(
            "disk_full",
            format!("the disk of the data directory `{dir}` is full"),
            "free space and start again; nothing is lost",
        ),
        StoreError::ReadOnly => Failure::new(
            "read_only",
            format!("the database `{database}` can be read and not written"),
            "give this user the right to write to it, or mount its file system for writing",
        ),
        StoreError::Busy => Failure::new(
            "busy",
            format!("the database `{database}` is locked by another program"),
            "end the program that has it open (a backup tool, `sqlite3`) and start again",
        ),
        StoreError::Directory { source, .. }
            if source.kind() == std::io::ErrorKind::StorageFull =>
        {
            unopened(&StoreError::Full, config)
        }
        StoreError::Directory { source, .. } => Failure::new(
            "data_dir",
            format!("the data directory `{dir}` cannot be used: {}", reason(source)),
            "give this user the right to write to it, or name another with `data_dir`",
        ),
        StoreError::Keyring(_) | StoreError::Corrupt { .. } => Failure::new(
            "damaged",
            format!("the database `{database}` is damaged: {error}"),
            "restore the data directory from a backup; nothing was changed",
        ),
        other => Failure::new(
            "store",
            format!("the database `{database}` cannot be opened: {}", with_cause(other)),
            "check the disk and the rights on the data directory, then start again",
        ),
    }
}

fn with_cause(error: &StoreError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error} ({cause})"),
        None => error.to_string(),
    }
}

/// The address of the page where a setup link is used.
pub(crate) fn setup_url(control_url: &str, token: &Token) -> String {
    format!("{}/welcome#{}", control_url.trim_end_matches('/'), token.expose())
}

/// Ends an API key that nobody has seen.
async fn end_key(store: &Sqlite, key: &FirstKey) -> Result<(), Failure> {
    let by = ourselves(store.org(), SystemClock.now());
    store.api_key_revoke(&by, &key.id).await.map_err(|error| {
        Failure::new("store", format!("the first API key cannot be ended: {error}"), "")
    })
}

/// Does what the configuration says of people; answers with the link of the first admin, if there is
/// none who can sign in.
async fn set_up(
    config: &Config,
    control: &control::Control,
    control_url: &str,
) -> Result<Option<String>, Failure> {
    providers_of(config, control).await?;
    first_admin_of(config, control).await?;
    let token = control.setup_token().await.map_err(|error| unmade_admin(&error))?;
    Ok(token.map(|token| setup_url(control_url, &token)))
}

/// Makes the first admin as the configuration says, if nobody can sign in as admin yet.
async fn first_admin_of(config: &Config, control: &control::Control) -> Result<(), Failure> {
    let (email, file) = (&config.admin.email, &config.admin.password_file);
    let (Some(email), Some(file)) = (email, file) else { return Ok(()) };
    let bytes = std::fs::read(file).map_err(|error| {
        Failure::new(
            "admin",
            format!("the password file `{}` cannot be read: {}", file.display(), reason(&error)),
            "correct `admin_password_file`, or unset it to get a setup link",
        )
    })?;
    // Editors and `echo` end a file with a line.
    let length = bytes.iter().rposition(|b| !matches!(b, b'\n' | b'\r')).map_or(0, |at| at + 1);
    let password = Secret::new(bytes.into_iter().take(length).collect());
    let made = control.first_admin(email, &password).await.map_err(|e| unmade_admin(&e))?;
    if made {
        tracing::info!("the first admin was made as the configuration says");
    }
    Ok(())
}

/// Makes and changes the identity providers that the configuration lists.
async fn providers_of(config: &Config, control: &control::Control) -> Result<(), Failure> {
    let Some(file) = &config.control.identity_providers_file else { return Ok(()) };
    let failed = |why: String| {
        Failure::new(
            "identity_providers",
            format!("the identity providers in `{}` cannot be set up: {why}", file.display()),
            "correct the file, or unset `control.identity_providers_file`",
        )
    };
    let bytes = std::fs::read(file).map_err(|error| failed(reason(&error)))?;
    // The file holds client secrets; it must not stay in memory.
    let text = Secret::new(bytes);
    control.configure_providers(text.expose()).await.map_err(|error| failed(error.to_string()))
}

fn unmade_admin(error: &control::FirstAdminError) -> Failure {
    Failure::new(
        "admin",
        format!("the first admin cannot be made: {error}"),
        "correct `admin_email` and the file `admin_password_file`, then start again",
    )
}

/// Makes the first admin and a key of theirs if nobody could administer the instance otherwise: at
/// the first start, and when every key of every admin has ended and none can sign in.
async fn first_key(
    store: &Sqlite,
    org: &OrgId,
    clock: &dyn Clock,
) -> Result<Option<FirstKey>, Failure> {
    let failed = |what: String| {
        Failure::new("store", what, "check the disk and the rights on the data directory")
    };
    let unread = |error: StoreError| failed(with_cause(&error));
    let now = clock.now();
    let mut admins = store.members(org).await.map_err(unread)?;
    admins.retain(|member| member.role == Role::Admin && member.state == MemberState::Active);
    let keys = store.api_keys(org).await.map_err(unread)?;
    let good = keys.iter().any(|key| {
        key.role == Role::Admin
            && key.revoked_at.is_none()
            && key.expires_at.is_none_or(|end| now < end)
            && admins.iter().any(|admin| admin.id == key.member)
    });
    // Whoever can sign in as admin makes keys as they like.
    if good || !store.needs_setup(org).await.map_err(unread)? {
        return Ok(None);
    }
    admin_key(store, "first admin").await.map(Some)
}

/// Makes a key of the earliest admin; and the admin too, if there is none.
pub(crate) async fn admin_key(store: &Sqlite, label: &str) -> Result<FirstKey, Failure> {
    let unmade = |error| {
        let what = format!("the API key cannot be made: {error}");
        Failure::new("store", what, "check the disk and the rights on the data directory")
    };
    let by = ourselves(store.org(), SystemClock.now());
    let mut admins = store.members(store.org()).await.map_err(|error| unmade(error.into()))?;
    admins.retain(|member| member.role == Role::Admin && member.state == MemberState::Active);
    let admin = match admins.into_iter().min_by_key(|admin| admin.created_at) {
        Some(admin) => admin,
        None => store.member_add(&by, first_admin()).await.map_err(unmade)?,
    };
    let made = store.api_key_create(&by, &admin.id, label, Role::Admin, None).await;
    let (key, token) = made.map_err(unmade)?;
    Ok(FirstKey { id: key.id, token })
}

/// Who administers an instance before there are people: whoever holds the first key.
fn first_admin() -> MemberDraft {
    MemberDraft {
        email: FIRST_ADMIN_EMAIL.to_owned(),
        name: "First admin".to_owned(),
        role: Role::Admin,
    }
}

/// The program itself, as it stands in the audit log.
fn ourselves(org: &OrgId, at: Moment) -> By {
    By::program(org.clone(), at)
}
