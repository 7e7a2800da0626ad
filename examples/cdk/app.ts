// The secret of an application, its broker user and its rotation, in one deployment:
//
//   npm ci
//   npx aws-cdk@2 deploy --parameters BrokerId=b-1234 --parameters AdminSecretArn=arn:... \
//     --parameters RotationFunctionArn=arn:... --parameters BrokerUserFunctionArn=arn:...
//
// Deleting the stack keeps the secret and the users. To delete them as well, first deploy with `--context keep=false`.

import { App, CfnOutput, CfnParameter, LegacyStackSynthesizer, Stack, Validations } from 'aws-cdk-lib';
import { BrokerSecret } from './broker-secret';

// Without analytics, the template has no resource for the statistics of CDK.
const app = new App({ analyticsReporting: false });

const stack = new Stack(app, 'payment-secret', {
  description: 'The credentials of payment, its RabbitMQ user, and the schedule that rotates them.',
  // The stack has no assets. With this synthesizer, the account needs no `cdk bootstrap`.
  synthesizer: new LegacyStackSynthesizer(),
});

// Parameters, so that one template serves every environment. The patterns are those of infra/secret.yaml.
function parameter(name: string, allowedPattern: string, description: string, defaultValue?: string): string {
  return new CfnParameter(stack, name, { allowedPattern, description, default: defaultValue }).valueAsString;
}

const anyFunction = 'arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_:-]+';
const anySecret = 'arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+';

const payment = new BrokerSecret(stack, 'Payment', {
  username: 'payment',
  brokerId: parameter('BrokerId', 'b-[a-z0-9-]+', 'Amazon MQ broker, such as b-1234a5b6-78cd-901e-2fgh-3i45j6k178l9.'),
  adminSecretArn: parameter('AdminSecretArn', anySecret, 'ARN of the admin secret of that broker.'),
  rotationFunctionArn: parameter('RotationFunctionArn', anyFunction, 'Output of the rotation stack.'),
  brokerUserFunctionArn: parameter('BrokerUserFunctionArn', anyFunction, 'Output of the rotation stack.'),
  vhost: '/',
  permissions: [
    {
      Vhost: '/',
      Configure: '',
      Write: parameter('Write', '[^\\x00-\\x1f]{0,500}', 'Queues and exchanges that payment may write to.', '^orders$'),
      Read: '^payment',
    },
  ],
  keep: app.node.tryGetContext('keep') !== 'false',
});

new CfnOutput(stack, 'SecretArn', { description: 'ARN of the secret.', value: payment.secret.secretArn });

Validations.of(app).acknowledge({
  id: 'CloudFormation-Validate::W2509',
  reason: 'AdminSecretArn is the ARN of a secret. It contains no password.',
});
