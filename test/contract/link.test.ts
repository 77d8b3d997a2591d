import { connectMqtt, MemoryBroker, startBroker } from '../../src/transport/index.ts';
import { describeLink } from './link.ts';

describeLink('in memory', async () => {
  const broker = new MemoryBroker();
  return { connect: async (presence) => broker.connect(presence), close: async () => broker.stop() };
});

describeLink('MQTT through the embedded broker', async () => {
  const broker = await startBroker({ host: '127.0.0.1', port: 0 });
  return { connect: (presence) => connectMqtt({ url: broker.url }, presence), close: () => broker.close() };
});
