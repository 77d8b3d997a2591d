/** The files of examples/cluster and examples/ci are data: they parse, and agree with what the program takes and does. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { EXIT } from '../../src/cli/output.ts';
import type { CsvConfig } from '../../src/datasources/index.ts';
import { parsePodConfig } from '../../src/tasks/index.ts';
import { CHUNK_BYTES } from '../../src/transport/index.ts';
import { mayPublish, maySubscribe } from '../../src/wire/index.ts';

const ROOT = join(import.meta.dirname, '../..');
const CLUSTER = join(ROOT, 'examples/cluster');
const read = (file: string): string => readFileSync(join(CLUSTER, file), 'utf8');
/** Loosely typed: what these files hold is what the tests are about. */
type Yaml = any;
const documents = (path: string): Yaml[] =>
  parseAllDocuments(readFileSync(path, 'utf8'), { merge: true }).map((document) => {
    expect([...document.errors, ...document.warnings]).toEqual([]);
    return document.toJS();
  });
const kubernetes = (file: string): Yaml[] => documents(join(CLUSTER, 'kubernetes', file));
const scratch = mkdtempSync(join(tmpdir(), 'konsil-deployment-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** What a shell says about `script` without running it. */
const checkShell = (script: string): unknown => execFileSync('sh', ['-n'], { input: script, stdio: 'pipe' });

describe('Kubernetes manifests', () => {
  it.each([
    ['pod.yaml', ['ConfigMap', 'StatefulSet']],
    ['coordinator.yaml', ['PersistentVolumeClaim', 'Job']],
    ['secrets.example.yaml', ['Secret', 'Secret', 'Secret', 'Secret']],
    ['network-policy.yaml', ['NetworkPolicy']],
    ['emqx.yaml', ['EMQX']],
  ])('%s holds %j', (file, kinds) => {
    const found = kubernetes(file);
    expect(found.map(({ kind }) => kind)).toEqual(kinds);
    for (const { apiVersion, metadata } of found) {
      expect(apiVersion).toMatch(/^([a-z0-9.]+\/)?v\d+(beta\d+)?$/);
      expect(metadata.name).toMatch(/^[a-z0-9-]+$/);
    }
  });

  it('are all looked at here', () => {
    expect(readdirSync(join(CLUSTER, 'kubernetes')).sort()).toEqual([
      ...['coordinator.yaml', 'emqx.yaml', 'network-policy.yaml', 'pod.yaml', 'secrets.example.yaml'],
    ]);
  });

  it('run a pod once, with its state on a volume and a configuration that the program takes', () => {
    const [config, { spec }] = kubernetes('pod.yaml');
    const pod = parsePodConfig(config.data['pod.yaml'], '/etc/konsil/pod.yaml');
    expect(spec.replicas).toBe(1);
    const { containers } = spec.template.spec;
    const mounts: { mountPath: string; name: string; readOnly?: boolean }[] = containers[0].volumeMounts;
    const holding = (path: string) => mounts.find(({ mountPath }) => path.startsWith(`${mountPath}/`))!;
    for (const path of [pod.state, pod.identity]) expect(holding(path)).toMatchObject({ name: 'state' });
    expect(spec.volumeClaimTemplates.map(({ metadata }: Yaml) => metadata.name)).toEqual(['state']);
    for (const path of [pod.broker.passwordFile!, pod.broker.caFile!, (pod.datasources[0] as CsvConfig).path])
      expect(holding(path).readOnly).toBe(true);
    expect(containers[0].livenessProbe.exec.command.slice(0, 3)).toEqual(['konsil', 'pod', 'status']);
  });

  it('start a coordinator again after what can be gone on with, and never after a run that failed', () => {
    const [claim, { spec }] = kubernetes('coordinator.yaml');
    expect(spec.template.spec.restartPolicy).toBe('Never');
    const codes = (action: string): number[] =>
      spec.podFailurePolicy.rules
        .filter((rule: Yaml) => rule.action === action && rule.onExitCodes)
        .flatMap((rule: Yaml) => rule.onExitCodes.values);
    expect(codes('Ignore')).toEqual([EXIT.interrupted]);
    expect(codes('FailJob')).toEqual([EXIT.failed, EXIT.usage, EXIT.cancelled]);
    const names = spec.template.spec.volumes.map(({ persistentVolumeClaim }: Yaml) => persistentVolumeClaim?.claimName);
    expect(names).toContain(claim.metadata.name);
  });

  it.each(['pod.yaml', 'coordinator.yaml'])(
    '%s: nobody is root, nothing is writable but volumes, keys stay private',
    (file) => {
      const { template } = kubernetes(file)[1].spec;
      const { securityContext, containers, initContainers, volumes } = template.spec;
      expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      expect(template.spec.automountServiceAccountToken).toBe(false);
      expect(template.spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(30);
      for (const container of [...containers, ...initContainers]) {
        expect(container.securityContext).toMatchObject({
          ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
        });
        for (const { name } of container.volumeMounts)
          expect([...volumes, { name: 'state' }].map((volume: Yaml) => volume.name)).toContain(name);
      }
      const script: string = initContainers[0].command[2];
      checkShell(script);
      expect(script).toContain('umask 077');
      for (const { secret } of volumes) if (secret) expect(secret.defaultMode.toString(8)).toBe('440');
      const secrets = kubernetes('secrets.example.yaml').map(({ metadata }) => metadata.name);
      for (const { secret } of volumes) if (secret) expect(secrets).toContain(secret.secretName);
    },
  );

  it('let nothing in, and out only to broker and name service', () => {
    const [{ spec }] = kubernetes('network-policy.yaml');
    expect(spec.policyTypes).toEqual(['Ingress', 'Egress']);
    expect(spec.ingress).toEqual([]);
    expect(spec.egress.flatMap(({ ports }: Yaml) => ports.map(({ port }: Yaml) => port))).toEqual([8883, 53, 53]);
    for (const file of ['pod.yaml', 'coordinator.yaml'])
      expect(kubernetes(file)[1].spec.template.metadata.labels).toMatchObject(spec.podSelector.matchLabels);
  });
});

describe('containers', () => {
  it('come from one image, built from the lock file, that is not root and says how it is', () => {
    const lines = read('docker/Dockerfile').split('\n');
    expect(lines.filter((line) => line.startsWith('FROM '))).toEqual([
      'FROM node:20-slim AS build',
      'FROM node:20-slim',
    ]);
    const last = lines.slice(lines.lastIndexOf('FROM node:20-slim'));
    const root = last.findIndex((line) => /^USER \d+$/.test(line));
    expect(root).toBeGreaterThan(0);
    expect(last.slice(root).filter((line) => /^(RUN|USER) /.test(line))).toHaveLength(1);
    expect(lines.some((line) => line.startsWith('RUN npm ci --omit=dev'))).toBe(true);
    expect(lines.some((line) => /^HEALTHCHECK .*konsil pod status/.test(line))).toBe(true);
    for (const secret of ['**/keys', '**/state', '**/runs'])
      expect(read('docker/Dockerfile.dockerignore')).toContain(secret);
  });

  it('are composed of files that exist, and a coordinator is not begun anew', () => {
    const [{ services, volumes }] = documents(join(CLUSTER, 'compose.yaml'));
    expect(Object.keys(services)).toEqual(['broker', 'pod', 'coordinator']);
    expect(Object.keys(volumes)).toEqual(['broker', 'pod', 'coordinator']);
    for (const name of ['pod', 'coordinator'])
      expect(services[name]).toMatchObject({ read_only: true, cap_drop: ['ALL'], init: true, image: 'konsil' });
    expect(services.coordinator.restart).toBe('no');
    expect(services.pod.restart).toBe('unless-stopped');
    const { context, dockerfile } = services.pod.build;
    expect(existsSync(join(CLUSTER, context, dockerfile))).toBe(true);
    expect(existsSync(join(CLUSTER, services.broker.volumes[0].split(':')[0]))).toBe(true);
  });
});

describe('systemd units', () => {
  const units = ['konsil-pod.service', 'konsil-coordinator@.service'];
  const values = (unit: string, key: string): string[] =>
    read(`systemd/${unit}`)
      .split('\n')
      .filter((line) => line.startsWith(`${key}=`))
      .map((line) => line.slice(key.length + 1));

  it.each(units)('%s keeps the process to its state folder', (unit) => {
    expect(values(unit, 'ProtectSystem')).toEqual(['strict']);
    expect(values(unit, 'NoNewPrivileges')).toEqual(['yes']);
    expect(values(unit, 'CapabilityBoundingSet')).toEqual(['']);
    expect(values(unit, 'StateDirectoryMode')).toEqual(['0700']);
    expect(values(unit, 'User')).toEqual(['konsil']);
  });

  it('start a pod always, and a coordinator only where it goes on', () => {
    expect(values(units[0]!, 'Restart')).toEqual(['always']);
    // killed, but not an exit code of its own except that of an interruption
    expect(values(units[1]!, 'Restart')).toEqual(['on-abnormal']);
    expect(values(units[1]!, 'RestartForceExitStatus')).toEqual([`${EXIT.interrupted}`]);
  });

  const analyze = ['/usr/bin/systemd-analyze', '/bin/systemd-analyze'].find((path) => existsSync(path));
  if (analyze === undefined) it.skip('are not checked by systemd-analyze, which is not installed', () => undefined);
  else
    it.each(units)('%s is what systemd takes', (unit) => {
      const file = join(scratch, unit);
      // there is no konsil in /usr/bin here, and a missing program is a mistake to it
      writeFileSync(file, read(`systemd/${unit}`).replace('/usr/bin/konsil', '/bin/true'));
      const said = execFileSync(analyze, ['verify', '--man=no', file], { stdio: 'pipe' }).toString();
      expect(said.split('\n').filter((line) => line.includes(unit))).toEqual([]);
    });
});

describe('brokers', () => {
  const OWN = 'A'.repeat(22);
  const OTHER = 'b'.repeat(22);
  const topics = [
    ...[OWN, OTHER].flatMap((mailbox) => [`konsil/1/in/${mailbox}`, `konsil/1/up/${mailbox}`]),
    ...['pod', 'modeller'].map((side) => `konsil/1/join/${OTHER}/${side}`),
    ...['other/topic', 'konsil/2/in/x', '$SYS/broker/uptime', 'konsil/1/in'],
  ];
  const matches = (filter: string, topic: string): boolean => {
    const pattern = filter.replaceAll('$', '\\$').replaceAll('+', '[^/]+').replace('#', '.*');
    return new RegExp(`^${pattern}$`).test(topic);
  };
  /** Mosquitto's and VerneMQ's rules for everybody: lines before the first `user`. */
  const patternRules = (text: string) =>
    text
      .split(/^user /m)[0]!
      .split('\n')
      .flatMap((line) => {
        const [, access, filter] = /^pattern (read|write|readwrite) (\S+)$/.exec(line) ?? [];
        return access === undefined ? [] : [{ access, filter: filter!.replace('%u', OWN) }];
      });

  it.each(['mosquitto/konsil.acl', 'vernemq/konsil.acl'])('%s allows what the embedded broker allows', (file) => {
    const rules = patternRules(read(file));
    const may = (access: string, topic: string): boolean =>
      rules.some((rule) => rule.access.includes(access) && matches(rule.filter, topic));
    for (const topic of topics) {
      expect([topic, may('write', topic)]).toEqual([topic, mayPublish(OWN, topic)]);
      expect([topic, may('read', topic)]).toEqual([topic, maySubscribe(OWN, topic)]);
    }
  });

  it('emqx/acl.conf does so too, and wildcards are refused', () => {
    const rules = [...read('emqx/acl.conf').matchAll(/^\{(allow|deny), all(?:, (\w+), \[([^\]]*)\])?\}\.$/gm)].map(
      ([, effect, access = 'all', list]) => ({
        ...{ effect, access },
        filters: [...(list ?? '"#"').matchAll(/(\{eq, )?"([^"]+)"/g)].map(([, eq, filter]) => ({
          ...{ eq: eq !== undefined, filter: filter!.replace(/\$\{username\}/, OWN) },
        })),
      }),
    );
    expect(rules).toHaveLength(7);
    const may = (access: string, topic: string): boolean =>
      rules.find(
        (rule) =>
          (rule.access === 'all' || rule.access === access) &&
          rule.filters.some(({ eq, filter }) => (eq ? filter === topic : matches(filter, topic))),
      )?.effect === 'allow';
    for (const topic of topics) {
      expect([topic, may('publish', topic)]).toEqual([topic, mayPublish(OWN, topic)]);
      expect([topic, may('subscribe', topic)]).toEqual([topic, maySubscribe(OWN, topic)]);
    }
    for (const filter of ['#', '+/#', 'konsil/1/up/+', 'konsil/1/join/+/pod', 'konsil/#'])
      expect([filter, may('subscribe', filter)]).toEqual([filter, false]);
  });

  it('take the largest packet, and hardly more', () => {
    const bytes = CHUNK_BYTES + 64 * 1024;
    for (const [file, line] of [
      ['mosquitto/central.conf', `max_packet_size ${bytes}`],
      ['mosquitto/site.conf', `max_packet_size ${bytes}`],
      ['vernemq/vernemq.conf', `max_message_size = ${bytes}`],
      ['emqx/emqx.conf', `max_packet_size = ${bytes / 1024}KB`],
      ['kubernetes/emqx.yaml', `mqtt.max_packet_size = ${bytes / 1024}KB`],
    ] as const)
      expect(read(file)).toContain(line);
  });

  it('aedes-redis.mjs is JavaScript that Node takes', () => {
    execFileSync(process.execPath, ['--check', join(CLUSTER, 'aedes-redis.mjs')], { stdio: 'pipe' });
  });
});

describe('the GitHub workflow', () => {
  it('plays scenarios that there are and keeps their reports', () => {
    const [{ jobs, permissions }] = documents(join(ROOT, 'examples/ci/github-actions.yml'));
    expect(permissions).toEqual({ contents: 'read' });
    const { steps, strategy } = jobs.scenarios;
    const scenarios = readdirSync(join(ROOT, 'examples/simulations')).map((file) => basename(file, '.yaml'));
    for (const name of strategy.matrix.scenario) expect(scenarios).toContain(name);
    for (const { run } of steps) if (run) checkShell(run);
    expect(steps.some(({ run }: Yaml) => /^npx konsil sim .* --out /.test(run ?? ''))).toBe(true);
    const upload = steps.at(-1);
    expect(upload.if).toBe('always()');
    for (const file of ['junit.xml', 'report.html']) expect(upload.with.path).toContain(file);
  });
});
