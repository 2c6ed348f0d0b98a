// Avro by another implementation (npm 'avsc'). Values travel as Avro's JSON encoding, one a line; bytes as hex.
const avro = require('avsc');
const fs = require('fs');

const [command, ...rest] = process.argv.slice(2);
const schemaOf = (path) => JSON.parse(fs.readFileSync(path, 'utf8'));
const typeOf = (path) => avro.Type.forSchema(schemaOf(path), { wrapUnions: true });
const linesOf = (path) => fs.readFileSync(path, 'utf8').split('\n').filter((line) => line.length > 0);

const commands = {
  // decode SCHEMA HEX_LINES: the values.
  decode(schema, file) {
    const type = typeOf(schema);
    linesOf(file).forEach((line) => console.log(type.toString(type.fromBuffer(Buffer.from(line, 'hex')))));
  },
  // encode SCHEMA JSON_LINES: the bytes.
  encode(schema, file) {
    const type = typeOf(schema);
    linesOf(file).forEach((line) => console.log(type.toBuffer(type.fromString(line)).toString('hex').toUpperCase()));
  },
  // resolve WRITER READER HEX_LINES: the values as the reader sees them.
  resolve(writer, reader, file) {
    const from = typeOf(writer);
    const to = typeOf(reader);
    const resolver = to.createResolver(from);
    linesOf(file).forEach((line) => console.log(to.toString(to.fromBuffer(Buffer.from(line, 'hex'), resolver))));
  },
  // fingerprint SCHEMA...: MD5 of each canonical form.
  fingerprint(...schemas) {
    schemas.forEach((schema) => console.log(typeOf(schema).fingerprint('md5').toString('hex').toUpperCase()));
  },
  // read-file FILE: the values of a container file.
  'read-file'(file) {
    let type;
    avro.createFileDecoder(file, { parseHook: (schema) => (type = avro.Type.forSchema(schema, { wrapUnions: true })) })
      .on('data', (value) => console.log(type.toString(value)))
      .on('error', (error) => { throw error; });
  },
  // write-file SCHEMA JSON_LINES FILE CODEC: a container file.
  'write-file'(schema, lines, file, codec) {
    const type = typeOf(schema);
    const encoder = avro.createFileEncoder(file, type, { codec, blockSize: 512 });
    linesOf(lines).forEach((line) => encoder.write(type.fromString(line)));
    encoder.end();
  },
};

commands[command](...rest);
