//! What is left of a deployment after its deletion.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use proof::cookie_store::Deployment;
use testbed::cloud::Cloud;

use super::{LIMIT, NAME, state};

/// The operator and the garbage collector of Kubernetes need a moment.
const LOOK: Duration = Duration::from_millis(50);

/// Whether nothing is left. The error names what is.
pub fn none(left: Result<Vec<String>>) -> Result<bool> {
    let left = left?;
    if left.is_empty() { Ok(true) } else { bail!("{}", left.join(", ")) }
}

/// The users on the broker.
pub async fn users(cloud: &Cloud, deployment: &Deployment) -> Result<Vec<String>> {
    let management = cloud.broker.management()?;
    let mut left = Vec::new();
    for user in deployment.apps.iter().flat_map(|(_, app)| state::pair(app)) {
        if management.user(&user).await?.is_some() {
            left.push(user);
        }
    }
    Ok(left)
}

/// The secrets. One that is scheduled for deletion is left, too.
pub async fn secrets(cloud: &Cloud, deployment: &Deployment) -> Result<Vec<String>> {
    let mut left = Vec::new();
    for (_, app) in &deployment.apps {
        let name = format!("rabbitmq/{}", app.user);
        match cloud.secrets.describe_secret().secret_id(&name).send().await {
            Ok(_) => left.push(name),
            Err(error) => {
                let error = error.into_service_error();
                if !error.is_resource_not_found_exception() {
                    return Err(error.into());
                }
            }
        }
    }
    Ok(left)
}

/// The objects in the namespace, as soon as there are none, or after a minute.
pub async fn objects_after_a_while(cloud: &Cloud, deployment: &Deployment) -> Result<Vec<String>> {
    let began = Instant::now();
    loop {
        let left = objects(cloud, deployment).await?;
        if left.is_empty() || began.elapsed() > LIMIT {
            return Ok(left);
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn objects(cloud: &Cloud, deployment: &Deployment) -> Result<Vec<String>> {
    let kubernetes = cloud.kubernetes()?;
    let mut left = Vec::new();
    for (service, _) in &deployment.apps {
        let name = format!("{service}-broker");
        if kubernetes.external_secret(NAME, &name).await?.is_some() {
            left.push(format!("ExternalSecret {name}"));
        }
        if kubernetes.secret(NAME, &name).await?.is_some() {
            left.push(format!("Secret {name}"));
        }
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_fails_the_check_by_its_name() {
        assert!(none(Ok(Vec::new())).is_ok_and(|holds| holds));
        let left = vec!["bakery-order".to_owned(), "bakery-order_clone".to_owned()];
        let problem = none(Ok(left)).err().map(|error| error.to_string());
        assert_eq!(problem.as_deref(), Some("bakery-order, bakery-order_clone"));
        assert!(none(Err(anyhow::anyhow!("no answer"))).is_err());
    }
}
