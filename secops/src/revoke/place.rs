//! Where a revocation stands: a small file without credentials, so that the same command continues.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::screen::text::foreign;
use crate::secret::Secret;

/// For so long, the same command after the end means the same revocation.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(1);
/// Nobody continues an incident that is older.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(24 * 7);
/// The largest file that is read.
const SIZE_LIMIT: u64 = 64 * 1024;

/// Where a revocation stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The secret.
    pub secret_arn: String,
    /// The version that leaked.
    pub version: String,
    /// Why it is revoked.
    pub reason: String,
    /// When the revocation began.
    pub started_at: Timestamp,
    /// What is done, for people.
    pub done: Vec<String>,
    /// When the function for incidents answered that the version is revoked.
    pub revoked_at: Option<Timestamp>,
    /// Whether it was found in the file.
    #[serde(skip)]
    pub is_resumed: bool,
    /// Another version whose revocation was not finished.
    #[serde(skip)]
    pub unfinished: Option<String>,
    #[serde(skip)]
    file: Option<PathBuf>,
}

impl Place {
    /// The revocation that the file of the secret tells of, or a new one. An explicit version is always the one that is meant.
    /// Without a version, only the same reason means the same revocation: another incident may be about another version.
    pub fn choose(
        folder: Option<&Path>,
        secret: &Secret,
        version: Option<&str>,
        reason: &str,
        now: Timestamp,
    ) -> Result<Self, String> {
        let file = folder.map(|folder| folder.join(file_name(&secret.arn)));
        let found =
            file.as_deref().and_then(|file| read(file, &secret.arn)).filter(|found| found.is_young(now));
        let mut unfinished = None;
        if let Some(found) = found {
            let is_same = version.map_or(reason == found.reason, |version| version == found.version);
            if is_same {
                return Ok(Self { is_resumed: true, file, ..found });
            }
            if version.is_none() && !found.is_over() {
                return Err(found.which(secret));
            }
            unfinished = found.revoked_at.is_none().then_some(found.version);
        }
        let version = version
            .or_else(|| secret.current())
            .ok_or("no version is AWSCURRENT; name one with --version")?;
        Ok(Self {
            secret_arn: secret.arn.clone(),
            version: version.to_owned(),
            reason: reason.to_owned(),
            started_at: now,
            done: Vec::new(),
            revoked_at: None,
            is_resumed: false,
            unfinished,
            file,
        })
    }

    /// The question which version is meant.
    fn which(&self, secret: &Secret) -> String {
        let (version, reason) = (foreign(&self.version), foreign(&self.reason));
        let current = secret.current().map_or_else(String::new, |current| {
            format!(", or with --version {} to revoke the one that is AWSCURRENT", foreign(current))
        });
        format!(
            "nothing was done: a revocation with another reason ({reason}) has not ended. Repeat the command with \
             --version {version} to continue it{current}"
        )
    }

    /// Whether the version is revoked.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.revoked_at.is_some()
    }

    /// Notes what is done. A failed write is no reason to stop an incident: the command to continue names the version.
    pub fn save(&self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let partial = file.with_extension("partial");
        let mut options = fs::File::options();
        let mut opened = options.write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
        opened.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
        opened.sync_all()?;
        fs::rename(&partial, file)
    }

    fn is_young(&self, now: Timestamp) -> bool {
        let (since, limit) = match self.revoked_at {
            Some(at) => (at, REMEMBERED),
            None => (self.started_at, FORGOTTEN),
        };
        now.duration_since(since) < limit
    }
}

/// A file that cannot be read tells of nothing.
fn read(file: &Path, arn: &str) -> Option<Place> {
    if fs::metadata(file).ok()?.len() > SIZE_LIMIT {
        return None;
    }
    let place: Place = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    (place.secret_arn == arn).then_some(place)
}

/// Two ARNs may have the same file, so the file names its secret.
fn file_name(arn: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = arn.chars().map(plain).rev().take(150).collect();
    format!("revoke-{}.json", name.chars().rev().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::example::{CURRENT, PENDING, PREVIOUS, secret};

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + 60 * minutes).expect("a time")
    }

    #[test]
    fn an_interrupted_revocation_is_continued_with_the_version_that_leaked() {
        let folder = std::env::temp_dir().join(format!("secops-place-{}", std::process::id()));
        let choose = |secret: &Secret, version, minutes| {
            Place::choose(Some(&folder), secret, version, "x", at(minutes)).expect("a place")
        };
        let before = secret("a");
        let mut place = choose(&before, None, 0);
        assert_eq!((place.version.as_str(), place.is_resumed), (CURRENT, false));
        place.done.push("the secret is rotated".to_owned());
        place.save().expect("it is written");

        let mut after = secret("a");
        for version in &mut after.versions {
            version.stages =
                vec![if version.id == CURRENT { "AWSPREVIOUS" } else { "AWSCURRENT" }.to_owned()];
        }
        let resumed = choose(&after, None, 5);
        assert_eq!((resumed.version.as_str(), resumed.is_resumed), (CURRENT, true));
        assert_eq!(resumed.done, place.done);
        let other = choose(&after, Some(PENDING), 5);
        assert_eq!((other.version.as_str(), other.unfinished.as_deref()), (PENDING, Some(CURRENT)));
        assert!(!choose(&secret("b"), None, 5).is_resumed, "another secret");
        assert!(!choose(&after, None, 60 * 24 * 8).is_resumed, "a week later");
        let other_reason = |version, minutes| Place::choose(Some(&folder), &after, version, "y", at(minutes));
        let asked = other_reason(None, 5).expect_err("it is not known which version is meant");
        assert!(asked.contains(CURRENT) && asked.contains(PREVIOUS), "{asked}");
        assert!(other_reason(Some(CURRENT), 5).expect("a place").is_resumed, "the version is named");

        place.revoked_at = Some(at(6));
        place.save().expect("it is written");
        assert!(choose(&after, None, 10).is_over(), "the same command once more");
        let another = other_reason(None, 10).expect("a place");
        assert_eq!((another.version.as_str(), another.is_over()), (PREVIOUS, false), "another reason");
        let next = choose(&after, None, 120);
        assert_eq!((next.version.as_str(), next.is_over()), (PREVIOUS, false), "another incident");
        fs::remove_dir_all(&folder).expect("it is removed");
    }

    #[test]
    fn the_file_holds_no_credential_and_its_name_is_one_of_a_file() {
        let name = file_name("arn:aws:secretsmanager:x:1:secret:../../etc/passwd-AbCdE1");
        assert!(!name.contains('/') && !name.contains("..") && name.len() < 200, "{name}");
        let place = Place::choose(None, &secret("a"), None, "ticket 7", at(0)).expect("a place");
        let written = serde_json::to_value(&place).expect("it is JSON");
        let fields: Vec<&str> =
            written.as_object().map(|all| all.keys().map(String::as_str).collect()).unwrap_or_default();
        assert_eq!(fields, ["done", "reason", "revokedAt", "secretArn", "startedAt", "version"]);
    }
}
