//! The parts of the stack, by the resources that it really has.

use futures_util::stream::{self, StreamExt as _};

use super::{Gather, LANES};
use crate::aws::cloudformation::Stack;
use crate::aws::{cloudtrail, eventbridge, functions, kms, scheduler, sns, sqs};
use crate::doctor::facts::{Facts, FunctionSeen, KeySeen, QueueSeen, RuleSeen, Seen, Subscription, Trail};

/// More trails than a region has: five of its own, and those of the organization.
const TRAILS_LIMIT: usize = 20;
/// Subscriptions whose filter is looked at.
const FILTERS_LIMIT: usize = 20;
const TOPICS: [&str; 3] = ["AlertTopicArn", "AlarmTopicArn", "DeadLetterTopicArn"];

impl Gather<'_> {
    /// Everything of the stack itself.
    pub(super) async fn parts(self, stack: &Stack, facts: &mut Facts) {
        let resources = facts.resources.as_deref().unwrap_or_default();
        let key = resources.iter().find(|resource| resource.kind == "AWS::KMS::Key");
        let key = key.map(|resource| resource.physical_id.as_str());
        let group = resources.iter().find(|resource| resource.kind == "AWS::Scheduler::ScheduleGroup");
        let group = group.map_or(stack.name.as_str(), |resource| resource.physical_id.as_str());
        let rotation = stack.output("RotationFunctionName").unwrap_or_default();
        let secrets_key = stack.parameter("SecretsKeyArn").filter(|arn| !arn.is_empty());
        let (functions, policy, mappings, queues, schedules, rules, topics, keys) = tokio::join!(
            self.each(resources, "AWS::Lambda::Function", |name| self.function(name)),
            self.ask("lambda:GetPolicy", functions::policy(self.config, rotation)),
            self.each(resources, "AWS::Lambda::EventSourceMapping", |id| self.mapping(id)),
            self.each(resources, "AWS::SQS::Queue", |url| self.queue(url)),
            self.each(resources, "AWS::Scheduler::Schedule", |name| self.schedule(group, name)),
            self.each(resources, "AWS::Events::Rule", |name| self.rule(name)),
            self.topics(stack),
            self.keys(key, secrets_key),
        );
        // By their names in AWS: people know those.
        facts.functions = functions
            .into_iter()
            .map(|(logical, seen)| {
                let resource = resources.iter().find(|resource| resource.logical_id == logical);
                (resource.map_or(logical, |resource| resource.physical_id.clone()), seen)
            })
            .collect();
        facts.rotation_policy = policy;
        facts.mappings = mappings;
        facts.queues = queues;
        facts.schedules = schedules;
        facts.rules = rules;
        facts.topics = topics.into_iter().collect();
        (facts.stack_key, facts.secrets_key) = keys;
    }

    async fn function(self, name: String) -> Seen<Option<FunctionSeen>> {
        let (function, reserved) = tokio::join!(
            self.ask("lambda:GetFunctionConfiguration", functions::function(self.config, &name)),
            self.ask("lambda:GetFunctionConcurrency", functions::reserved(self.config, &name)),
        );
        let Some(function) = function? else { return Ok(None) };
        Ok(Some(FunctionSeen { function, reserved: reserved? }))
    }

    async fn mapping(self, id: String) -> Seen<Option<functions::Mapping>> {
        self.ask("lambda:GetEventSourceMapping", functions::mapping(self.config, &id)).await
    }

    async fn queue(self, url: String) -> Seen<Option<QueueSeen>> {
        let queue = self.ask("sqs:GetQueueAttributes", sqs::queue(self.config, &url)).await?;
        Ok(queue.map(|queue| QueueSeen { arn: queue.arn, url, waiting: queue.waiting }))
    }

    async fn schedule(self, group: &str, name: String) -> Seen<Option<scheduler::Schedule>> {
        self.ask("scheduler:GetSchedule", scheduler::schedule(self.config, group, &name)).await
    }

    async fn rule(self, name: String) -> Seen<Option<RuleSeen>> {
        let (rule, targets) = tokio::join!(
            self.ask("events:DescribeRule", eventbridge::rule(self.config, &name)),
            self.ask("events:ListTargetsByRule", eventbridge::targets(self.config, &name)),
        );
        let Some(rule) = rule? else { return Ok(None) };
        Ok(Some(RuleSeen { state: rule.state, pattern: rule.pattern, targets: targets? }))
    }

    async fn topics(self, stack: &Stack) -> Vec<(&'static str, Seen<Vec<Subscription>>)> {
        let topics = TOPICS.into_iter().filter_map(|output| Some((output, stack.output(output)?)));
        let calls: Vec<_> =
            topics.map(|(output, topic)| async move { (output, self.subscriptions(topic).await) }).collect();
        stream::iter(calls).buffer_unordered(LANES).collect().await
    }

    async fn subscriptions(self, topic: &str) -> Seen<Vec<Subscription>> {
        let ask = sns::subscriptions(self.config, topic);
        let listed = self.ask("sns:ListSubscriptionsByTopic", ask).await?;
        let mut subscriptions = Vec::new();
        for one in listed {
            let is_filtered = match &one.arn {
                Some(arn) if subscriptions.len() < FILTERS_LIMIT => {
                    let ask = sns::is_filtered(self.config, arn);
                    self.ask("sns:GetSubscriptionAttributes", ask).await.ok()
                }
                _ => None,
            };
            subscriptions.push(Subscription {
                endpoint: one.endpoint,
                is_confirmed: one.arn.is_some(),
                is_filtered,
            });
        }
        Ok(subscriptions)
    }

    async fn keys(
        self,
        stack: Option<&str>,
        secrets: Option<&str>,
    ) -> (Seen<Option<KeySeen>>, Option<Seen<Option<KeySeen>>>) {
        let of_stack = async {
            match stack {
                Some(key) => self.key(key).await,
                None => Ok(None),
            }
        };
        let of_secrets = async {
            match secrets {
                Some(key) => Some(self.key(key).await),
                None => None,
            }
        };
        tokio::join!(of_stack, of_secrets)
    }

    async fn key(self, id: &str) -> Seen<Option<KeySeen>> {
        let (state, policy) = tokio::join!(
            self.ask("kms:DescribeKey", kms::state(self.config, id)),
            self.ask("kms:GetKeyPolicy", kms::policy(self.config, id)),
        );
        Ok(state?.map(|state| KeySeen { id: id.to_owned(), state, policy: Some(policy) }))
    }

    /// The trails that record this region.
    pub(super) async fn trails(self) -> Seen<Vec<Trail>> {
        let listed = self.ask("cloudtrail:DescribeTrails", cloudtrail::trails(self.config)).await?;
        let mut trails = Vec::new();
        for (name, arn) in listed.into_iter().take(TRAILS_LIMIT) {
            let (is_logging, recorded) = tokio::join!(
                self.ask("cloudtrail:GetTrailStatus", cloudtrail::is_logging(self.config, &arn)),
                self.ask("cloudtrail:GetEventSelectors", cloudtrail::recorded(self.config, &arn)),
            );
            let (is_logging, recorded) = (is_logging?, recorded?);
            trails.push(Trail { name, is_logging, writes: recorded.writes, reads: recorded.reads });
        }
        Ok(trails)
    }
}
