// The peer of `ceap synth`: a CDK app that makes the same resources, with the L2 construct of each type that has one.
// It leaves out what CDK decides while it builds, not in the template: that a key of KMS is used only if one is given.
// node app.js CONTENTS PAIRS OUT: CONTENTS are ceap's templates as JSON by name, PAIRS how often those of the pair w0 are
// made, as w0, w1, ... A user writes what stands in CONTENTS as code; to read it from a file takes a hundredth of a run.
const { readFileSync } = require("node:fs");
const cdk = require("aws-cdk-lib");
const cloudwatch = require("aws-cdk-lib/aws-cloudwatch");
const events = require("aws-cdk-lib/aws-events");
const iam = require("aws-cdk-lib/aws-iam");
const lambda = require("aws-cdk-lib/aws-lambda");
const logs = require("aws-cdk-lib/aws-logs");
const s3 = require("aws-cdk-lib/aws-s3");
const sqs = require("aws-cdk-lib/aws-sqs");
const stepfunctions = require("aws-cdk-lib/aws-stepfunctions");

const text = (value) => (typeof value === "object" ? cdk.Token.asString(value) : value);
const texts = (values) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, text(value)]));
const seconds = (value) => (value === undefined ? undefined : cdk.Duration.seconds(value));
const referred = (made, value) => made[value.Ref ?? value["Fn::GetAtt"][0]];
// As it is written: CDK adds nothing to it.
const role = (made, value) => referred(made, value).withoutPolicyUpdates();

const makers = {
  "AWS::SQS::Queue": (stack, id, p, made) =>
    new sqs.Queue(stack, id, {
      queueName: text(p.QueueName),
      retentionPeriod: seconds(p.MessageRetentionPeriod),
      visibilityTimeout: seconds(p.VisibilityTimeout),
      maxMessageSizeBytes: p.MaximumMessageSize,
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      deadLetterQueue: p.RedrivePolicy && {
        queue: referred(made, p.RedrivePolicy.deadLetterTargetArn),
        maxReceiveCount: p.RedrivePolicy.maxReceiveCount,
      },
    }),
  "AWS::SQS::QueuePolicy": (stack, id, p, made) => {
    const policy = new sqs.QueuePolicy(stack, id, { queues: p.Queues.map((queue) => referred(made, queue)) });
    policy.document.addStatements(...statements(p.PolicyDocument));
    return policy;
  },
  "AWS::Logs::LogGroup": (stack, id, p) =>
    new logs.LogGroup(stack, id, { logGroupName: text(p.LogGroupName), retention: p.RetentionInDays }),
  "AWS::IAM::Role": (stack, id, p) => {
    const [{ Principal, Condition }] = p.AssumeRolePolicyDocument.Statement;
    return new iam.Role(stack, id, {
      description: text(p.Description),
      assumedBy: new iam.ServicePrincipal(Principal.Service, { conditions: Condition }),
      inlinePolicies: Object.fromEntries(
        p.Policies.map((each) => each["Fn::If"]?.[1] ?? each).map(({ PolicyName, PolicyDocument }) => [
          PolicyName,
          new iam.PolicyDocument({ statements: statements(PolicyDocument) }),
        ]),
      ),
    });
  },
  "AWS::Lambda::Function": (stack, id, p, made) =>
    new lambda.Function(stack, id, {
      functionName: text(p.FunctionName),
      runtime: new lambda.Runtime(p.Runtime),
      architecture: lambda.Architecture.ARM_64,
      handler: p.Handler,
      code: lambda.Code.fromBucketV2(s3.Bucket.fromBucketName(stack, `${id}Code`, text(p.Code.S3Bucket)), text(p.Code.S3Key)),
      role: role(made, p.Role),
      timeout: seconds(p.Timeout),
      memorySize: p.MemorySize,
      environment: texts(p.Environment.Variables),
      loggingFormat: p.LoggingConfig.LogFormat,
      logGroup: referred(made, p.LoggingConfig.LogGroup),
      tracing: p.TracingConfig.Mode,
    }),
  "AWS::StepFunctions::StateMachine": (stack, id, p, made) =>
    new stepfunctions.StateMachine(stack, id, {
      stateMachineName: text(p.StateMachineName),
      stateMachineType: p.StateMachineType,
      definitionBody: stepfunctions.DefinitionBody.fromString(p.DefinitionString),
      definitionSubstitutions: texts(p.DefinitionSubstitutions),
      role: role(made, p.RoleArn),
      tracingEnabled: true,
      logs: { destination: made.StateMachineLogGroup, level: p.LoggingConfiguration.Level, includeExecutionData: true },
    }),
  "AWS::CloudWatch::Alarm": (stack, id, p) => {
    const alarm = new cloudwatch.Alarm(stack, id, {
      alarmName: text(p.AlarmName),
      alarmDescription: text(p.AlarmDescription),
      metric: p.Metrics ? expression(p.Metrics) : metric(p, p.Period, p.Statistic),
      threshold: p.Threshold,
      evaluationPeriods: p.EvaluationPeriods,
      datapointsToAlarm: p.DatapointsToAlarm,
      comparisonOperator: p.ComparisonOperator,
      treatMissingData: p.TreatMissingData,
    });
    for (const action of p.AlarmActions) alarm.addAlarmAction({ bind: () => ({ alarmActionArn: text(action) }) });
    return alarm;
  },
  "AWS::Events::Rule": (stack, id, p) =>
    new events.Rule(stack, id, {
      ruleName: text(p.Name),
      description: p.Description,
      eventPattern: { source: p.EventPattern.source, detailType: p.EventPattern["detail-type"], detail: p.EventPattern.detail },
      targets: p.Targets.map((target) => ({ bind: () => ({ id: "", arn: text(target.Arn), deadLetterConfig: { arn: text(target.DeadLetterConfig.Arn) } }) })),
    }),
};

function statements({ Statement }) {
  return Statement.map(
    ({ Sid, Effect, Principal, Action, Resource, Condition }) =>
      new iam.PolicyStatement({
        sid: Sid,
        effect: Effect,
        principals: Principal && [Principal === "*" ? new iam.AnyPrincipal() : new iam.ServicePrincipal(Principal.Service)],
        actions: [Action].flat(),
        resources: [Resource].flat().map(text),
        conditions: Condition,
      }),
  );
}

function metric(p, period, statistic) {
  const dimensions = (p.Dimensions ?? []).map((each) => [each.Name, text(each.Value)]);
  return new cloudwatch.Metric({
    namespace: p.Namespace,
    metricName: p.MetricName,
    dimensionsMap: Object.fromEntries(dimensions),
    period: seconds(period),
    statistic,
  });
}

function expression(metrics) {
  const { Expression, Label } = metrics.find((each) => each.Expression);
  const measured = metrics.filter((each) => each.MetricStat);
  const usingMetrics = measured.map(({ Id, MetricStat: of }) => [Id, metric(of.Metric, of.Period, of.Stat)]);
  return new cloudwatch.MathExpression({
    expression: Expression,
    label: Label,
    usingMetrics: Object.fromEntries(usingMetrics),
    period: seconds(measured[0].MetricStat.Period),
  });
}

function build(app, name, template) {
  const stack = new cdk.Stack(app, name, { synthesizer: new cdk.LegacyStackSynthesizer() });
  stack.templateOptions.description = template.Description;
  stack.templateOptions.metadata = template.Metadata;
  for (const [id, p] of Object.entries(template.Parameters))
    new cdk.CfnParameter(stack, id, {
      type: p.Type,
      default: p.Default,
      allowedPattern: p.AllowedPattern,
      constraintDescription: p.ConstraintDescription,
      description: p.Description,
    });
  for (const [id, condition] of Object.entries(template.Conditions ?? {}))
    new cdk.CfnCondition(stack, id, { expression: { resolve: () => condition } });
  const made = {};
  const order = Object.entries(template.Resources).sort(([, a], [, b]) => rank(a) - rank(b));
  for (const [id, { Type, Properties, DeletionPolicy }] of order) {
    const make = makers[Type];
    made[id] = make
      ? make(stack, id, Properties, made)
      : new cdk.CfnResource(stack, id, { type: Type, properties: Properties });
    (made[id].node.defaultChild ?? made[id]).overrideLogicalId(id);
    if (DeletionPolicy) made[id].applyRemovalPolicy(DeletionPolicy === "Delete" ? "destroy" : "retain-on-update-or-delete");
  }
  for (const [id, output] of Object.entries(template.Outputs))
    new cdk.CfnOutput(stack, `${id}Output`, {
      value: text(output.Value),
      description: output.Description,
      exportName: output.Export && text(output.Export.Name),
    }).overrideLogicalId(id);
}

// What others take as an object comes before them.
const FIRST = ["AWS::Logs::LogGroup", "AWS::IAM::Role"];
const rank = ({ Type, Properties }) =>
  FIRST.includes(Type) ? 0 : Type === "AWS::SQS::Queue" && !Properties.RedrivePolicy ? 1 : Type === "AWS::SQS::Queue" ? 2 : 3;

const [contents, pairs, outdir] = process.argv.slice(2);
const app = new cdk.App({ analyticsReporting: false, outdir });
const { foundation, ...pair } = JSON.parse(readFileSync(contents, "utf8"));
build(app, "foundation", foundation);
for (let number = 0; number < Number(pairs); number++)
  for (const [name, template] of Object.entries(pair)) {
    const named = JSON.parse(JSON.stringify({ name, template }).replaceAll("w0", `w${number}`));
    build(app, named.name, named.template);
  }
app.synth();
