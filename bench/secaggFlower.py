"""One round of Flower's SecAgg+ in one process, for bench/secagg.ts: CPU seconds of its own client mod and workflow.

Usage: secaggFlower.py CHECKOUT JSON, with {"n", "lost", "length", "shares", "threshold"}. CHECKOUT holds the `flwr`
package under framework/py or src/py. Messages are handed over in memory: nothing is serialised or sent.
"""
import copy
import json
import os
import sys
import time

checkout, cell = sys.argv[1], json.loads(sys.argv[2])
for folder in ('framework/py', 'src/py'):
    if os.path.isdir(os.path.join(checkout, folder, 'flwr')):
        sys.path.insert(0, os.path.join(checkout, folder))
        break
else:
    sys.exit(f'no flwr package under {checkout}/framework/py or {checkout}/src/py')
try:
    import numpy
    from flwr.client.mod import secaggplus_mod
    from flwr.common import Code, ConfigRecord, Context, FitIns, FitRes, Message, RecordDict, Status
    from flwr.common import ndarrays_to_parameters
    from flwr.common import recorddict_compat as compat
    from flwr.server.compat.legacy_context import LegacyContext
    from flwr.server.workflow import SecAggPlusWorkflow
    from flwr.server.workflow.constant import MAIN_CONFIGS_RECORD, MAIN_PARAMS_RECORD
    from flwr.server.workflow.constant import Key as WorkflowKey
except ImportError as error:
    sys.exit(f'this checkout of Flower does not run here, or is too old or new: {error}')

STAGES = ('setup', 'share_keys', 'collect', 'unmask')
parameters = ndarrays_to_parameters([numpy.zeros(cell['length'], dtype=numpy.float32)])
rng = numpy.random.default_rng(0)
updates = [rng.uniform(-1, 1, cell['length']).astype(numpy.float32) for _ in range(min(4, cell['n']))]


class Proxy:
    """What the workflow reads of a client."""

    def __init__(self, node_id):
        self.node_id = node_id


class Manager:
    """What the workflow reads of the clients' manager."""

    def num_available(self):
        return cell['n']


class Plan:
    """The strategy: everybody trains; the mean is taken as it comes."""

    mean = None

    def configure_fit(self, server_round, given, manager):
        return [(Proxy(i + 1), FitIns(given, {})) for i in range(cell['n'])]

    def aggregate_fit(self, server_round, results, failures):
        Plan.mean = results[0][1].parameters
        return None, {}


class Wire:
    """Hands messages to the clients and times them; lost clients do not answer from `collect` on."""

    def __init__(self):
        self.contexts = {}
        self.stage = 0
        self.client = [0.0] * len(STAGES)
        self.server = [0.0] * len(STAGES)
        self.answers = [0] * len(STAGES)
        self.since = time.process_time()

    def send_and_receive(self, messages, *, timeout=None):
        self.server[self.stage] += time.process_time() - self.since
        replies = []
        for message in list(messages):
            node = message.metadata.dst_node_id
            if self.stage >= 2 and node > cell['n'] - cell['lost']:
                continue
            context = self.contexts.setdefault(
                node, Context(run_id=1, node_id=node, node_config={}, state=RecordDict(), run_config={})
            )
            own = copy.deepcopy(message)  # the mod takes its stage out of the message, which others may share
            start = time.process_time()
            replies.append(secaggplus_mod(own, context, train))
            self.client[self.stage] += time.process_time() - start
            self.answers[self.stage] += 1
        self.stage = min(self.stage + 1, len(STAGES) - 1)
        self.since = time.process_time()
        return replies


def train(message, context):
    """Stands for training: an update that is there already."""
    update = updates[message.metadata.dst_node_id % len(updates)]
    result = FitRes(Status(Code.OK, ''), ndarrays_to_parameters([update]), 500, {})
    return Message(compat.fitres_to_recorddict(result, keep_input=False), reply_to=message)


plain = Context(run_id=1, node_id=0, node_config={}, state=RecordDict(), run_config={})
context = LegacyContext(context=plain, strategy=Plan(), client_manager=Manager())
context.state.config_records[MAIN_CONFIGS_RECORD] = ConfigRecord({WorkflowKey.CURRENT_ROUND: 1})
context.state.array_records[MAIN_PARAMS_RECORD] = compat.parameters_to_arrayrecord(parameters, keep_input=True)
wire = Wire()
workflow = SecAggPlusWorkflow(cell['shares'], cell['threshold'], max_weight=1000.0)
workflow(wire, context)
wire.server[-1] += time.process_time() - wire.since
print(json.dumps({
    'complete': Plan.mean is not None,
    'client': {stage: wire.client[i] / max(1, wire.answers[i]) for i, stage in enumerate(STAGES)},
    'server': {stage: wire.server[i] for i, stage in enumerate(STAGES)},
}))
