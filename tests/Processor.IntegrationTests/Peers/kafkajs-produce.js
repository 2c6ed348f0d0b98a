// node kafkajs-produce.js BOOTSTRAP TOPIC COUNT: sends records with keys, headers and timestamps, gzip-compressed.
const { Kafka, CompressionTypes, Partitioners, logLevel } = require('kafkajs');

async function main([bootstrap, topic, count]) {
  const kafka = new Kafka({ clientId: 'peer', brokers: bootstrap.split(','), logLevel: logLevel.ERROR });
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const messages = [];
  for (let i = 0; i < Number(count); i++) {
    messages.push({ key: `sku-${i}`, value: `value-${i}`, headers: { origin: 'kafkajs', number: String(i) }, timestamp: String(1700000000000 + i) });
  }
  await producer.send({ topic, acks: -1, compression: CompressionTypes.GZIP, messages });
  await producer.disconnect();
}

main(process.argv.slice(2)).catch((error) => { console.error(error); process.exit(1); });
