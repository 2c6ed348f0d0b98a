"""Container files by Apache Avro's Python library (Debian python3-avro, python3-zstandard).

read FILE: prints the schema's record count and the ids.   write FILE CODEC COUNT: writes id/name records.
"""
import sys

import avro.schema
from avro.datafile import DataFileReader, DataFileWriter
from avro.io import DatumReader, DatumWriter

SCHEMA = '{"type":"record","name":"R","fields":[{"name":"id","type":"long"},{"name":"name","type":["null","string"]}]}'

command, path = sys.argv[1:3]
if command == "read":
    with DataFileReader(open(path, "rb"), DatumReader()) as reader:
        for record in reader:
            print(f"{record['id']} {record['name']}")
else:
    with DataFileWriter(open(path, "wb"), DatumWriter(), avro.schema.parse(SCHEMA), codec=sys.argv[3]) as writer:
        for i in range(int(sys.argv[4])):
            writer.append({"id": i, "name": None if i % 3 == 0 else f"name {i}"})
