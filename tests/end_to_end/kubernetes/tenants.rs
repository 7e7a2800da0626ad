//! A tenant's secret goes to that tenant's namespace, and nowhere else.

use anyhow::{Result, ensure};
use end_to_end::{name, on_the_cluster};
use testbed::cloud::route_to;

use super::routed::Routed;

#[test]
fn the_tag_and_the_label_tenant_must_be_equal_including_neither() -> Result<()> {
    on_the_cluster(async |cloud| {
        let kubernetes = cloud.kubernetes()?;
        let (acme, nobody) = (name("acme"), name("nobody"));
        kubernetes.create_delivery_namespace(&cloud.aws, &acme, &[("tenant", "acme")]).await?;
        kubernetes.create_namespace(&nobody, &[]).await?;
        for (tenant, namespace, words) in [
            (Some("other"), &acme, "(tag `tenant`: `other`)"),
            (None, &acme, "(tag `tenant`: none)"),
            (Some("acme"), &nobody, "(label `tenant`: none)"),
        ] {
            let own = name("tenant");
            let mut tags = route_to(namespace, &own).to_vec();
            tags.extend(tenant.map(|tenant| ("tenant", tenant)));
            let secret = Routed::create_tagged(cloud, &own, &tags).await?;
            secret.refused("distribution.tenant_mismatch", words).await?;
            ensure!(kubernetes.external_secret(namespace, &own).await?.is_none(), "{own} was made");
        }
        let own = name("tenant");
        let mut tags = route_to(&acme, &own).to_vec();
        tags.push(("tenant", "acme"));
        let secret = Routed::create_tagged(cloud, &own, &tags).await?;
        let delivered = secret.deliver().await?;
        ensure!(delivered["namespace"] == acme.as_str(), "{delivered}");
        Ok(())
    })
}
