//! One node for all tests of a process.

use std::path::Path;

use anyhow::Result;
use sandbox::certificates::Certificates;
use sandbox::scratch;
use tokio::sync::OnceCell;

use super::{Broker, Suite};

impl Broker {
    /// The node that the tests of this process share. The first caller starts it, and it ends with the process. Its
    /// suite is that of `TESTBED_BROKER`. Each test has its own users and vhosts.
    ///
    /// `tmpdir` is `env!("CARGO_TARGET_TMPDIR")` (`target/tmp`); the extracted files go to `target/testbed`.
    ///
    /// # Errors
    /// As [`Broker::install`] and [`Broker::start`].
    pub async fn shared(tmpdir: &Path) -> Result<&'static Self> {
        static BROKER: OnceCell<Broker> = OnceCell::const_new();
        let started = BROKER.get_or_try_init(|| async {
            let installation =
                Self::install(Suite::from_environment()?, &tmpdir.with_file_name("testbed"), &|_| {})?;
            let folder = scratch::folder(tmpdir, "broker")?;
            let certificates = Certificates::create(&folder.join("tls"))?;
            Self::start(&installation, &folder, &certificates).await
        });
        started.await
    }
}
