export { askProcess } from './controlClient.ts';
export { ControlServer } from './controlServer.ts';
export { controlAddresses } from './socket.ts';
