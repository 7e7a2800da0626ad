// The credentials of an application's RabbitMQ user, the user itself, and the schedule that rotates them.
// It is infra/secret.yaml as a construct: copy this file into your own application.

import { CfnResource, CustomResource, Duration, RemovalPolicy, Stack, Tags } from 'aws-cdk-lib';
import { CfnRotationSchedule, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';

/**
 * RabbitMQ's permissions on one virtual host, as patterns. An empty pattern permits nothing. The names are those of the
 * property `Permissions` of `Custom::BrokerUser`.
 */
export interface Permission {
  readonly Vhost: string;
  readonly Configure: string;
  readonly Write: string;
  readonly Read: string;
}

export interface BrokerSecretProps {
  /** The first user of the pair. The first rotation adds `USERNAME_clone`. */
  readonly username: string;
  /** The Amazon MQ broker. */
  readonly brokerId: string;
  /** The secret with the credentials of the broker's administrator. */
  readonly adminSecretArn: string;
  /** Output RotationFunctionArn of the rotation stack. */
  readonly rotationFunctionArn: string;
  /** Output BrokerUserFunctionArn of the rotation stack. */
  readonly brokerUserFunctionArn: string;
  /** The virtual host that the application opens. */
  readonly vhost: string;
  readonly permissions: Permission[];
  /** Whether deleting the stack keeps the secret and both users. */
  readonly keep: boolean;
}

export class BrokerSecret extends Construct {
  readonly secret: Secret;

  constructor(scope: Construct, id: string, props: BrokerSecretProps) {
    super(scope, id);

    // RETAIN_ON_UPDATE_OR_DELETE is `DeletionPolicy: RetainExceptOnCreate` and `UpdateReplacePolicy: Retain`. Deleting the
    // stack keeps the secret and the users, because the application logs in with them. If the deployment that creates
    // them fails, they are deleted. Otherwise the next deployment would find the name of the secret in use.
    const removalPolicy = props.keep ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY;

    this.secret = new Secret(this, 'Secret', {
      // The name must begin with SecretNamePrefix of the rotation stack.
      secretName: `rabbitmq/${props.username}`,
      description: `RabbitMQ user ${props.username}`,
      generateSecretString: {
        generateStringKey: 'password',
        // Amazon MQ requires 12 to 250 characters without comma, colon and equal sign. Letters and digits are safe
        // everywhere, and nobody can guess 40 of them.
        passwordLength: 40,
        excludePunctuation: true,
        requireEachIncludedType: true,
        // Do not change these fields. If one changes, CloudFormation generates a new value with a password that the
        // broker does not have. `toJsonString` also takes parameters, which have no value yet.
        secretStringTemplate: Stack.of(this).toJsonString({
          engine: 'rabbitmq',
          username: props.username,
          brokerId: props.brokerId,
          vhost: props.vhost,
          masterarn: props.adminSecretArn,
          rotationStrategy: 'alternating',
        }),
      },
      removalPolicy,
    });
    // rotation-mq may rotate only secrets with this tag: RotationTagKey and RotationTagValue of the rotation stack.
    Tags.of(this.secret).add('rotation-mq', 'rotate');
    // Defines which user the secret is for. The value cannot change that, because anyone who can write the value could
    // name another application's user in it.
    Tags.of(this.secret).add('rotation-mq/user', props.username);

    // Both users of the pair. An update gives both the same permissions and changes no password.
    const brokerUser = new CustomResource(this, 'BrokerUser', {
      resourceType: 'Custom::BrokerUser',
      serviceToken: props.brokerUserFunctionArn,
      // An event waits for concurrency for 60 s at most, and the function answers within 180 s. Without it, a function that
      // cannot answer blocks the stack for an hour.
      serviceTimeout: Duration.seconds(240),
      properties: {
        // The function reads the password from the secret. No property contains it.
        SecretArn: this.secret.secretArn,
        Username: props.username,
        Broker: props.brokerId,
        Permissions: props.permissions,
      },
      removalPolicy,
    });

    // Not `secret.addRotationSchedule`, which takes neither a cron expression nor the length of the window.
    const schedule = new CfnRotationSchedule(this, 'Schedule', {
      secretId: this.secret.secretArn,
      rotationLambdaArn: props.rotationFunctionArn,
      rotateImmediatelyOnUpdate: true,
      // Secrets Manager retries a failed rotation only inside the window. rate() must be at least 4 hours.
      rotationRules: { scheduleExpression: 'rate(1 day)', duration: '4h' },
    });
    // The first rotation starts with the schedule, so the user must exist.
    schedule.node.addDependency(brokerUser);

    // CloudFormation changes a DeletionPolicy only together with another change of the resource.
    for (const kept of [this.secret, brokerUser]) {
      (kept.node.defaultChild as CfnResource).addMetadata('Keep', props.keep);
    }
  }
}
