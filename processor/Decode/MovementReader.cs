using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Stockflow.Avro;
using Stockflow.Model;

namespace Stockflow.Decode;

/// <summary>
/// Reads a body of one writer schema straight into a <see cref="Movement"/>, by code that is made for that schema: a call of one of the
/// <see cref="MovementValues"/> for each of the writer's fields. It takes what good producers send and nothing else; whatever it refuses is
/// for the <see cref="RecordReader"/> to read once more, which alone decides what is wrong.
/// </summary>
internal sealed class MovementReader
{
    private readonly AvroLimits limits;
    private readonly List<ResolvedNode> nodes = [];
    private readonly int slack;
    private readonly Step read;
    private int[] symbols = [];

    private MovementReader(RecordReader reader, IReadOnlyList<string?> targets)
    {
        limits = reader.Limits;
        slack = MovementValues.Slack * (reader.Ops.Length + 2);
        read = Emit(reader, targets);
    }

    private delegate int Step(ref byte arena, int position, int end, ref Movement movement);

    /// <summary>A reader of the same bytes; null where code can not be made or the writer has types that it does not know.</summary>
    /// <param name="reader">The reader for all bodies.</param>
    /// <param name="targets">The movement's member for each of the reader's fields.</param>
    public static MovementReader? TryCompile(RecordReader reader, IReadOnlyList<string?> targets)
    {
        if (!RuntimeFeature.IsDynamicCodeCompiled || !BitConverter.IsLittleEndian || reader.Limits.MaxBytes < MovementValues.MaximumText || reader.Limits.MaxDepth < 1)
        {
            return null;
        }

        foreach (var op in reader.Ops)
        {
            if (op.Code != RecordOpCode.Skip && MethodFor(op, targets[op.Slot]) is null)
            {
                return null;
            }
        }

        foreach (var index in reader.DefaultedFields)
        {
            if (targets[index] is not { } target || !reader.IsNullOrEmptyDefault(index) || !MayBeAbsent(target))
            {
                return null;
            }
        }

        return new MovementReader(reader, targets);
    }

    /// <summary>False if the body is for the other reader; the movement's content is undefined then.</summary>
    /// <param name="arena">What the body lies in.</param>
    /// <param name="start">First byte of the body.</param>
    /// <param name="length">Bytes of the body.</param>
    /// <param name="movement">What is filled, but for the numbers of ids and the fingerprint.</param>
    public bool TryRead(byte[] arena, int start, int length, ref Movement movement)
    {
        var end = start + length;
        if ((uint)start > (uint)end || end > arena.Length - slack || length > limits.MaxBodyBytes)
        {
            return false;
        }

        movement.Sku = movement.Location = movement.Counterpart = movement.Source = -1;
        movement.Stocked = true;
        return read(ref MemoryMarshal.GetArrayDataReference(arena), start, end, ref movement) == end;
    }

    /// <summary>Steps over a value of any type.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal int Walk(ref byte arena, int position, int end, ref int itemsLeft, int node)
    {
        var walker = new AvroWalker(MemoryMarshal.CreateReadOnlySpan(ref arena, end), position, limits, itemsLeft);
        if (!walker.Walk(nodes[node]))
        {
            return end + 1;
        }

        itemsLeft = walker.ItemsLeft;
        return walker.Position;
    }

    private static Type MemberType(string member) => typeof(Movement).GetField(member)!.FieldType;

    private static string? MethodFor(in RecordOp op, string? target) => target is null ? null : (op.Code, op.IsNullable, target) switch
    {
        (RecordOpCode.String, false, _) when MemberType(target) == typeof(Slice) => nameof(MovementValues.Text),
        (RecordOpCode.String, true, _) when MemberType(target) == typeof(Slice) => nameof(MovementValues.NullableText),
        (RecordOpCode.Long, false, _) when IsNumber(target) => nameof(MovementValues.Long),
        (RecordOpCode.Long, true, nameof(Movement.CountedQty)) => nameof(MovementValues.NullableLong),
        (RecordOpCode.Enum, false, nameof(Movement.Type)) => nameof(MovementValues.Kind),
        (RecordOpCode.Bytes, false, _) when IsMoney(target) => nameof(MovementValues.Money),
        (RecordOpCode.Bytes, true, _) when IsMoney(target) => nameof(MovementValues.NullableMoney),
        (RecordOpCode.Complex, false, nameof(Movement.Attributes)) when op.Node is { Kind: ResolvedKind.Map, Children: [{ Kind: ResolvedKind.String }] } =>
            nameof(MovementValues.TextMap),
        (RecordOpCode.Complex, false, nameof(Movement.Attributes)) => nameof(MovementValues.Map),
        _ => null,
    };

    private static bool MayBeAbsent(string target) => MemberType(target) == typeof(Slice) || IsMoney(target) || target == nameof(Movement.CountedQty);

    private static bool IsMoney(string target) => target is nameof(Movement.UnitPrice) or nameof(Movement.UnitCost);

    private static bool IsNumber(string target) => MemberType(target) == typeof(long) && !IsMoney(target);

    private Step Emit(RecordReader reader, IReadOnlyList<string?> targets)
    {
        var method = new DynamicMethod("ReadMovement", typeof(int),
            [typeof(MovementReader), typeof(byte).MakeByRefType(), typeof(int), typeof(int), typeof(Movement).MakeByRefType()],
            typeof(MovementReader).Module, skipVisibility: true);
        var code = method.GetILGenerator();
        var itemsLeft = code.DeclareLocal(typeof(int));
        code.Emit(OpCodes.Ldc_I4, limits.MaxItems);
        code.Emit(OpCodes.Stloc, itemsLeft);
        foreach (ref readonly var op in reader.Ops)
        {
            var name = op.Code == RecordOpCode.Skip ? nameof(Walk) : MethodFor(op, targets[op.Slot])!;
            if (name == nameof(Walk))
            {
                code.Emit(OpCodes.Ldarg_0);
            }

            code.Emit(OpCodes.Ldarg_1);
            code.Emit(OpCodes.Ldarg_2);
            code.Emit(OpCodes.Ldarg_3);
            if (name != nameof(Walk))
            {
                Member(code, targets[op.Slot]!);
            }

            EmitExtra(code, op, name, itemsLeft);
            code.Emit(OpCodes.Call, name == nameof(Walk) ? Method(typeof(MovementReader), name) : Method(typeof(MovementValues), name));
            code.Emit(OpCodes.Starg_S, (byte)2);
        }

        foreach (var index in reader.DefaultedFields)
        {
            Member(code, targets[index]!);
            code.Emit(OpCodes.Call, Method(typeof(MovementValues),
                MemberType(targets[index]!) == typeof(Slice) ? nameof(MovementValues.NoText) : nameof(MovementValues.NoNumber)));
        }

        code.Emit(OpCodes.Ldarg_2);
        code.Emit(OpCodes.Ret);
        return method.CreateDelegate<Step>(this);
    }

    // What a step takes besides arena, position, end and target.
    private void EmitExtra(ILGenerator code, in RecordOp op, string name, LocalBuilder itemsLeft)
    {
        switch (name)
        {
            case nameof(MovementValues.NullableText) or nameof(MovementValues.NullableLong) or nameof(MovementValues.NullableMoney):
                code.Emit(OpCodes.Ldc_I4, (int)op.NullByte);
                break;
            case nameof(MovementValues.Kind):
                symbols = op.Symbols!;
                code.Emit(OpCodes.Ldarg_0);
                code.Emit(OpCodes.Ldfld, typeof(MovementReader).GetField(nameof(symbols), BindingFlags.Instance | BindingFlags.NonPublic)!);
                break;
            case nameof(MovementValues.Map) or nameof(MovementValues.TextMap) or nameof(Walk):
                code.Emit(OpCodes.Ldloca, itemsLeft);
                if (name != nameof(Walk))
                {
                    code.Emit(OpCodes.Ldarg_0);
                }

                code.Emit(OpCodes.Ldc_I4, nodes.Count);
                nodes.Add(op.Node!);
                break;
        }
    }

    private static void Member(ILGenerator code, string name)
    {
        code.Emit(OpCodes.Ldarg_S, (byte)4);
        code.Emit(OpCodes.Ldflda, typeof(Movement).GetField(name)!);
    }

    private static MethodInfo Method(Type type, string name) =>
        type.GetMethod(name, BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)!;
}
