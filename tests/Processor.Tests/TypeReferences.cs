using System.Reflection;
using System.Reflection.Emit;

namespace Stockflow.Tests;

/// <summary>Every type that a type's metadata and code name: bases, members, signatures, locals, attributes and the operands of instructions.</summary>
internal sealed class TypeReferences
{
    private const BindingFlags All =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<short, OpCode> OpCodesByValue = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => code.Value);

    private readonly HashSet<Type> found = [];

    private TypeReferences()
    {
    }

    public static IReadOnlySet<Type> Of(Type type)
    {
        var references = new TypeReferences();
        references.Add(type.BaseType);
        references.AddAll(type.GetInterfaces());
        references.AddAttributes(type);
        foreach (var member in type.GetMembers(All))
        {
            references.AddAttributes(member);
            references.AddMember(member);
        }

        return references.found;
    }

    private void AddMember(MemberInfo member)
    {
        switch (member)
        {
            case FieldInfo field:
                Add(field.FieldType);
                break;
            case PropertyInfo property:
                Add(property.PropertyType);
                break;
            case EventInfo handler:
                Add(handler.EventHandlerType);
                break;
            case MethodBase method:
                AddAll(method.GetParameters().Select(parameter => parameter.ParameterType));
                Add((method as MethodInfo)?.ReturnType);
                AddBody(method);
                break;
        }
    }

    private void AddBody(MethodBase method)
    {
        if (method.GetMethodBody() is not { } body)
        {
            return;
        }

        AddAll(body.LocalVariables.Select(local => local.LocalType));
        AddAll(body.ExceptionHandlingClauses.Where(clause => clause.Flags == ExceptionHandlingClauseOptions.Clause).Select(clause => clause.CatchType));
        var types = method.DeclaringType!.IsGenericType ? method.DeclaringType.GetGenericArguments() : null;
        var arguments = method.IsGenericMethod ? method.GetGenericArguments() : null;
        var code = body.GetILAsByteArray()!;
        for (var at = 0; at < code.Length;)
        {
            var value = code[at] == 0xFE ? unchecked((short)(0xFE00 | code[at + 1])) : code[at];
            var operation = OpCodesByValue[value];
            at += operation.Size;
            if (operation.OperandType is OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineTok or OperandType.InlineType)
            {
                Resolve(method.Module.ResolveMember(BitConverter.ToInt32(code, at), types, arguments)!);
            }

            at += Size(operation.OperandType, code, at);
        }
    }

    private void Resolve(MemberInfo member)
    {
        Add(member as Type ?? member.DeclaringType);
        switch (member)
        {
            case MethodInfo method:
                AddAll(method.GetGenericArguments());
                Add(method.ReturnType);
                AddAll(method.GetParameters().Select(parameter => parameter.ParameterType));
                break;
            case FieldInfo field:
                Add(field.FieldType);
                break;
        }
    }

    private static int Size(OperandType operand, byte[] code, int at) => operand switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(code, at)),
        _ => 4,
    };

    private void AddAttributes(MemberInfo member)
    {
        foreach (var attribute in member.GetCustomAttributesData())
        {
            Add(attribute.AttributeType);
            AddAll(attribute.ConstructorArguments.Select(argument => argument.Value as Type));
        }
    }

    private void AddAll(IEnumerable<Type?> types)
    {
        foreach (var type in types)
        {
            Add(type);
        }
    }

    private void Add(Type? type)
    {
        while (type?.HasElementType == true)
        {
            type = type.GetElementType();
        }

        if (type is null || type.IsGenericParameter || !found.Add(type))
        {
            return;
        }

        AddAll(type.GetGenericArguments());
    }
}
