// node registry-client.js URL: registers, encodes and decodes with @kafkajs/confluent-schema-registry, and prints a JSON line of what it saw.
const { SchemaRegistry, SchemaType } = require('@kafkajs/confluent-schema-registry');

async function main([host]) {
  const registry = new SchemaRegistry({ host });
  const subject = 'reference.vendor-value';
  const id = await registry.getLatestSchemaId(subject);
  const found = await registry.getRegistryId(subject, 1);
  const schema = (await registry.getSchema(id));
  const bytes = await registry.encode(id, { vendor_id: 'V-1', name: 'Acme', country: null, updated_at: 1700000000000 });
  const decoded = await registry.decode(bytes);
  const own = { type: SchemaType.AVRO, schema: JSON.stringify({ type: 'record', name: 'Probe', namespace: 'peer', fields: [{ name: 'a', type: 'int' }] }) };
  const registered = (await registry.register(own, { subject: 'peer-value' })).id;
  const again = (await registry.register(own, { subject: 'peer-value' })).id;
  const byText = await registry.getRegistryIdBySchema('peer-value', own);
  const breaking = { type: SchemaType.AVRO, schema: JSON.stringify({ type: 'record', name: 'Probe', namespace: 'peer', fields: [{ name: 'b', type: 'int' }] }) };
  let refusal = '';
  await registry.register(breaking, { subject: 'peer-value' }).catch((error) => { refusal = String(error.message); });
  let missing = '';
  await new SchemaRegistry({ host }, { }).getSchema(999).catch((error) => { missing = `${error.status} ${error.message}`; });
  console.log(JSON.stringify({ id, found, name: schema.name, hex: bytes.toString('hex'), vendor: decoded.vendor_id, registered, again, byText: byText, refusal, missing }));
}

main(process.argv.slice(2)).catch((error) => { console.error(error); process.exit(1); });
