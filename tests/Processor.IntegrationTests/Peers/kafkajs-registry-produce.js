// node kafkajs-registry-produce.js BOOTSTRAP REGISTRY_URL SCHEMA_FOLDER: announces ten SKUs and a location, then sends for each SKU a
// receipt, a sale and a reservation under each of three schemas: the one of the folder, one with a field more, one without two optional fields.
const fs = require('fs');
const path = require('path');
const { Kafka, Partitioners, logLevel } = require('kafkajs');
const { SchemaRegistry, SchemaType } = require('@kafkajs/confluent-schema-registry');

const now = Date.now() - 1000;

function movement(sku, kind, type, quantity) {
  return {
    event_id: `js-${kind}-${type}-${sku}`, event_ts: now, ingest_ts: now, sku_id: sku, location_id: 'DC-ÄÖÜ', movement_type: type,
    qty_delta: quantity, source_system: 'ECOM', reference_id: 'order 1', unit_price: Buffer.from([0x01, 0xe2, 0x40]), unit_cost: null,
    currency: 'EUR', promo_id: null, reason: null, performed_by: null, counterpart_location_id: null, counted_qty: null,
    corrects_event_id: null, customer_ref: null, attributes: { till: '7' }, channel: 'app',
  };
}

async function main([bootstrap, registryUrl, folder]) {
  const kafka = new Kafka({ clientId: 'peer', brokers: bootstrap.split(','), logLevel: logLevel.ERROR });
  const registry = new SchemaRegistry({ host: registryUrl });
  const read = (name) => JSON.parse(fs.readFileSync(path.join(folder, `${name}.avsc`), 'utf8'));
  const register = async (schema, subject) => (await registry.register({ type: SchemaType.AVRO, schema: JSON.stringify(schema) }, { subject })).id;
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();

  const skus = Array.from({ length: 10 }, (_, i) => `JS-${i}`);
  const skuSchema = await register(read('Sku'), 'reference.sku-value');
  const locationSchema = await register(read('Location'), 'reference.location-value');
  await producer.send({ topic: 'reference.sku', messages: await Promise.all(skus.map(async (sku) => ({ key: sku, value: await registry.encode(skuSchema, {
    sku_id: sku, name: sku, category: null, brand: null, stocked: true, unit_of_measure: 'EACH', unit_cost: null, abc_class: null, updated_at: now }) }))) });
  const location = Object.fromEntries(read('Location').fields.filter((field) => 'default' in field).map((field) => [field.name, field.default]));
  const required = { location_id: 'DC-ÄÖÜ', name: 'Süd', kind: 'DISTRIBUTION_CENTRE', updated_at: now };
  await producer.send({ topic: 'reference.location', messages: [{ key: 'DC-ÄÖÜ', value: await registry.encode(locationSchema, { ...location, ...required }) }] });

  const ours = read('InventoryMovement');
  const newer = { ...ours, fields: [...ours.fields, { name: 'channel', type: ['null', 'string'], default: null }] };
  const older = { ...ours, fields: ours.fields.filter((field) => field.name !== 'attributes' && field.name !== 'customer_ref') };
  let sent = 0;
  for (const [kind, schema] of [['ours', ours], ['newer', newer], ['older', older]]) {
    const id = await register(schema, 'inventory.movements-value');
    for (const [type, quantity] of [['RECEIPT', 10], ['SALE', -2], ['RESERVE', -1]]) {
      const messages = await Promise.all(skus.map(async (sku) => ({ key: sku, value: await registry.encode(id, movement(sku, kind, type, quantity)) })));
      await producer.send({ topic: 'inventory.movements', acks: -1, messages });
      sent += messages.length;
    }
  }
  await producer.disconnect();
  console.log(`sent ${sent}`);
}

main(process.argv.slice(2)).catch((error) => { console.error(error); process.exit(1); });
