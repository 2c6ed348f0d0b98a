using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Stockflow.Embedded;

namespace Stockflow;

/// <summary>Which files the native libraries are that this program calls itself.</summary>
internal static class NativeLibraries
{
    public const string Kafka = "librdkafka", ClickHouse = "chdb";

    [ModuleInitializer]
    internal static void Register() => NativeLibrary.SetDllImportResolver(typeof(NativeLibraries).Assembly, Resolve);

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path) => name switch
    {
        ClickHouse => NativeLibrary.Load(ChdbNative.LibraryPath),
        Kafka => NativeLibrary.Load(LoadedByClient()),
        _ => 0,
    };

    // The package has several builds of librdkafka, for systems with different libraries, and Confluent.Kafka takes the first that loads.
    // A handle means something only to the build that made it.
    private static string LoadedByClient()
    {
        _ = Confluent.Kafka.Library.Version;
        var file = File.ReadLines("/proc/self/maps").Where(line => line.EndsWith(Kafka + ".so", StringComparison.Ordinal)).Select(line => line[line.IndexOf('/')..]).FirstOrDefault();
        return file ?? throw new DllNotFoundException("Confluent.Kafka has loaded no " + Kafka + ".so.");
    }
}
