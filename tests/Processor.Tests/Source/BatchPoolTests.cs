using Stockflow.Model;
using Stockflow.Source;
using Xunit;

namespace Stockflow.Tests.Source;

public sealed class BatchPoolTests
{
    [Fact]
    public void An_empty_batch_is_never_handed_out_again()
    {
        var pool = new BatchPool(batchRecords: 4, boundBytes: 1 << 20);
        pool.Return(new RecordBatch(0, 0));

        Assert.Equal(4, pool.Rent().Capacity);
    }

    [Fact]
    public void A_pool_that_once_was_full_still_keeps_batches()
    {
        var pool = new BatchPool(batchRecords: 4, boundBytes: new RecordBatch(4, 64).HeldBytes);
        for (var i = 0; i < 10; i++)
        {
            pool.Return(new RecordBatch(4, 64));
        }

        var batch = pool.Rent();
        pool.Return(batch);

        Assert.Same(batch, pool.Rent());
    }

    [Fact]
    public void A_batch_that_grew_beyond_the_bound_is_not_kept()
    {
        var pool = new BatchPool(batchRecords: 1000, boundBytes: 100_000);
        var batch = pool.Rent();
        for (var i = 0; i < 1000; i++)
        {
            batch.Add(i, i, default, false, default, false, null);
        }

        pool.Return(batch);

        Assert.NotSame(batch, pool.Rent());
    }

    [Fact]
    public void A_batch_grows_up_to_its_capacity()
    {
        var batch = new RecordBatch(1000, 1000);
        for (var i = 0; i < 1000; i++)
        {
            Assert.False(batch.IsFull);
            batch.Add(i, i, "key"u8, true, [(byte)i], true, null);
        }

        Assert.True(batch.IsFull);
        for (var i = 0; i < 1000; i++)
        {
            Assert.Equal(i, batch.Records[i].Offset);
            Assert.Equal((byte)i, batch.Bytes(batch.Records[i].Value)[0]);
            Assert.Equal(Verdict.Pending, batch.Verdicts[i]);
        }
    }
}
