// node kafkajs-consume.js BOOTSTRAP TOPIC GROUP COMMIT_AT: reads a one-partition topic, says the first offset it got,
// commits once at COMMIT_AT, says so, and goes on reading without a commit until it is killed.
const { Kafka, logLevel } = require('kafkajs');

async function main([bootstrap, topic, groupId, commitAt]) {
  const kafka = new Kafka({ clientId: 'peer', brokers: bootstrap.split(','), logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId, sessionTimeout: 2000, rebalanceTimeout: 2000, heartbeatInterval: 300 });
  let first = true;
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message }) => {
      if (first) {
        first = false;
        console.log(`first ${message.offset}`);
      }
      if (message.offset === String(Number(commitAt) - 1)) {
        await consumer.commitOffsets([{ topic, partition, offset: commitAt }]);
        console.log(`committed ${commitAt}`);
      }
    },
  });
}

main(process.argv.slice(2)).catch((error) => { console.error(error); process.exit(1); });
