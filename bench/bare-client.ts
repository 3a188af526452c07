import http from 'node:http';
import { text } from 'node:stream/consumers';

/**
 * Makes the eight calls of a run as bare keep-alive requests, with which `bench:accuracy` compares the run. Prints a JSON
 * array with the time of each call in milliseconds, from making the request until its answer is read.
 */
const [, , endpoint = ''] = process.argv;
const agent = new http.Agent({ keepAlive: true });
const user = 'UserName=testuser-bare-mf3k2x1c-9a8b7c';
const group = 'GroupName=testgroup-bare-mf3k2x1c-9a8b7c';
const policy = `PolicyArn=${encodeURIComponent('arn:aws:iam::123456789012:policy/AwsIamMonitorTestPolicies/bare')}`;
const calls = [
  `Action=CreateUser&Path=%2FAwsIamMonitorTestUsers%2F&${user}`,
  `Action=CreateGroup&Path=%2FAwsIamMonitorTestGroups%2F&${group}`,
  `Action=AddUserToGroup&${user}&${group}`,
  `Action=RemoveUserFromGroup&${user}&${group}`,
  `Action=DeleteGroup&${group}`,
  `Action=AttachUserPolicy&${user}&${policy}`,
  `Action=DetachUserPolicy&${user}&${policy}`,
  `Action=DeleteUser&${user}`,
];

const times: number[] = [];
for (const call of calls) {
  const body = `${call}&Version=2010-05-08`;
  const startMs = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': body.length,
    authorization:
      'AWS4-HMAC-SHA256 Credential=bare/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0',
  };
  http.request(endpoint, { method: 'POST', agent, headers }, resolve).once('error', reject).end(body);
  const response = await promise;
  const answer = await text(response);
  times.push(performance.now() - startMs);
  if (response.statusCode !== 200) throw new Error(answer);
}
agent.destroy();
console.log(JSON.stringify(times));
