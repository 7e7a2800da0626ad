//! What was seen of the set-up. The judgements decide on nothing else.

use std::collections::BTreeMap;

use contract::{ClusterLook, Inspection, Routes};

use crate::aws::AwsError;
use crate::aws::cloudformation::{Resource, Stack};
use crate::aws::eks::{AccessEntry, Cluster};
use crate::aws::functions::{Function, Mapping};
use crate::aws::scheduler::Schedule;
use crate::aws::sts::Caller;
use crate::secret::Secret;

/// What a call answered, or why that is not known.
pub type Seen<T> = Result<T, Unseen>;

/// Why something is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unseen {
    /// The caller may not see it.
    #[error("not seen: the caller lacks the permission {0}")]
    Denied(&'static str),
    /// The call failed.
    #[error("not seen: {0}")]
    Failed(String),
    /// The time of the whole check was over.
    #[error("not seen: the time of the check was over")]
    NoTime,
    /// What it depends on is not known.
    #[error("not seen: it depends on {0}, which is not known")]
    DependsOn(&'static str),
}

impl Unseen {
    /// How to see it.
    #[must_use]
    pub fn fix(&self) -> String {
        match self {
            Self::Denied(permission) => format!(
                "Allow {permission}, for example with the policy of the output SecopsLooksPolicyArn, and repeat the command."
            ),
            Self::Failed(_) => "Repeat the command. Then read the message.".to_owned(),
            Self::NoTime => "Repeat the command with a longer --within, or for one secret.".to_owned(),
            Self::DependsOn(what) => format!("See the row about {what}."),
        }
    }

    /// Reads an error of a call that needs `permission`.
    #[must_use]
    pub fn from_aws(permission: &'static str, error: &AwsError) -> Self {
        if error.is_denied() { Self::Denied(permission) } else { Self::Failed(error.to_string()) }
    }
}

/// What a function answered: its value, or its own error.
pub type Asked<T> = Result<T, FunctionFailed>;

/// A function answered with an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionFailed {
    /// `errorType`: a kind, or what Lambda says.
    pub kind: String,
    /// `errorMessage`.
    pub message: String,
}

/// Everything that was seen.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Who calls.
    pub caller: Seen<Caller>,
    /// The stack.
    pub stack: Seen<Stack>,
    /// The resources of the stack.
    pub resources: Seen<Vec<Resource>>,
    /// The functions of the stack, by name. None: it does not exist.
    pub functions: BTreeMap<String, Seen<Option<FunctionSeen>>>,
    /// The resource policy of the rotation function. None: it has none.
    pub rotation_policy: Seen<Option<String>>,
    /// The event source mappings, by logical id.
    pub mappings: BTreeMap<String, Seen<Option<Mapping>>>,
    /// The queues, by logical id.
    pub queues: BTreeMap<String, Seen<Option<QueueSeen>>>,
    /// The subscriptions of the topics, by the output that names the topic.
    pub topics: BTreeMap<&'static str, Seen<Vec<Subscription>>>,
    /// The trails that this region has.
    pub trails: Seen<Vec<Trail>>,
    /// The key of the stack.
    pub stack_key: Seen<Option<KeySeen>>,
    /// The customer managed key of the secrets, if the stack has one.
    pub secrets_key: Option<Seen<Option<KeySeen>>>,
    /// The schedules, by logical id.
    pub schedules: BTreeMap<String, Seen<Option<Schedule>>>,
    /// The rules, by logical id.
    pub rules: BTreeMap<String, Seen<Option<RuleSeen>>>,
    /// The secrets of the stack.
    pub secrets: Seen<Vec<Secret>>,
    /// Those of them that were inspected, by name.
    pub inspections: BTreeMap<String, Seen<Asked<Inspection>>>,
    /// How many rotated secrets were not inspected, because they are too many.
    pub not_inspected: usize,
    /// Which services the function reaches.
    pub routes: Seen<Asked<Routes>>,
    /// The cluster, if the stack has one.
    pub cluster: Option<ClusterSeen>,
}

impl Facts {
    /// Nothing is known yet, for this reason.
    #[must_use]
    pub fn unseen(reason: &Unseen) -> Self {
        let reason = || reason.clone();
        Self {
            caller: Err(reason()),
            stack: Err(reason()),
            resources: Err(reason()),
            functions: BTreeMap::new(),
            rotation_policy: Err(reason()),
            mappings: BTreeMap::new(),
            queues: BTreeMap::new(),
            topics: BTreeMap::new(),
            trails: Err(reason()),
            stack_key: Err(reason()),
            secrets_key: None,
            schedules: BTreeMap::new(),
            rules: BTreeMap::new(),
            secrets: Err(reason()),
            inspections: BTreeMap::new(),
            not_inspected: 0,
            routes: Err(reason()),
            cluster: None,
        }
    }
}

/// One queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueSeen {
    /// Its ARN.
    pub arn: String,
    /// Its URL.
    pub url: String,
    /// Messages that wait.
    pub waiting: u64,
}

/// A subscription of a topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subscription {
    /// Where the messages go.
    pub endpoint: String,
    /// Whether the subscriber has confirmed it.
    pub is_confirmed: bool,
    /// Whether it takes only some messages. None if that is not known.
    pub is_filtered: Option<bool>,
}

/// One trail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trail {
    /// Its name.
    pub name: String,
    /// Whether it records now.
    pub is_logging: bool,
    /// Whether it records management events that change something.
    pub writes: bool,
    /// Whether it records management events that only read.
    pub reads: bool,
}

/// A key of KMS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySeen {
    /// Its id.
    pub id: String,
    /// `Enabled`, `Disabled`, `PendingDeletion`, …
    pub state: String,
    /// Its policy.
    pub policy: Option<Seen<String>>,
}

/// A rule of EventBridge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleSeen {
    /// `ENABLED`, `DISABLED` or `ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS`.
    pub state: String,
    /// The events that it takes.
    pub pattern: String,
    /// How many targets it has.
    pub targets: usize,
}

/// The EKS cluster of the stack.
#[derive(Debug, Clone)]
pub struct ClusterSeen {
    /// Its name.
    pub name: String,
    /// The role of secret2eks.
    pub role: String,
    /// What EKS knows of it. None: it does not exist.
    pub described: Seen<Option<Cluster>>,
    /// The access entry of the role of secret2eks. None: it has none.
    pub entry: Seen<Option<AccessEntry>>,
    /// What secret2eks sees of it.
    pub look: Seen<Asked<ClusterLook>>,
}

/// One function, and its reserved concurrency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FunctionSeen {
    /// What Lambda says of it.
    pub function: Function,
    /// Its reserved concurrency, if it has one and it is known.
    pub reserved: Option<i32>,
}
