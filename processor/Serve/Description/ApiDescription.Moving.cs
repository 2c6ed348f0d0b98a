using Stockflow.Serve.Stock;

namespace Stockflow.Serve.Description;

/// <content>Transfers, purchase orders, adjustments and counts.</content>
internal sealed partial class ApiDescription
{
    private void DescribeMoving()
    {
        DescribeTransfers();
        DescribePurchaseOrders();
        Command("POST", "/v1/adjustments", "createAdjustment", "Adjustments", "Corrects the book by so many units", MovingJson.Default.AdjustmentRequest, MovingJson.Default.AdjustmentPayload,
            "409 insufficient-stock, 503 positions-behind, 503 reference-loading", statuses: [201], hasRevision: false);
    }

    private void DescribeTransfers()
    {
        const string group = "Transfers", path = TransferEndpoints.Path, one = path + "/{id}", missing = "404 transfer-not-found";
        const string change = missing + ", 409 wrong-state, 409 conflict, 412 revision-changed, 503 positions-behind";
        var transfer = MovingJson.Default.Transfer;
        Pages(path, "listTransfers", group, "Transfers, the latest ids first", "TransferPage", transfer,
            Transfers.StateFilter, Transfers.FromFilter, Transfers.ToFilter, Transfers.SkuFilter, Transfers.ReferenceFilter);
        Document(one, "getTransfer", group, "One transfer", transfer, missing);
        Command("POST", path, "createTransfer", group, "Makes a transfer and holds its units at the source", MovingJson.Default.TransferRequest, transfer,
            "409 insufficient-stock, 409 transfer-exists, 409 conflict, 503 positions-behind, 503 reference-loading", statuses: [201]);
        Command("POST", one + "/ship", "shipTransfer", group, "Units leave the source", MovingJson.Default.TransferShipRequest, transfer, change + ", 409 insufficient-stock");
        Command("POST", one + "/receive", "receiveTransfer", group, "Units arrive at the destination, well, damaged or not at all", MovingJson.Default.TransferReceiptRequest, transfer, change + ", 409 over-receipt");
        Command("POST", one + "/cancel", "cancelTransfer", group, "Gives the units back at the source, before they leave", MovingJson.Default.EndRequest, transfer, change);
    }

    private void DescribePurchaseOrders()
    {
        const string group = "Purchase orders", path = PurchaseOrderEndpoints.Path, one = path + "/{id}", missing = "404 purchase-order-not-found";
        const string change = missing + ", 409 wrong-state, 409 conflict, 412 revision-changed, 503 positions-behind";
        var order = MovingJson.Default.PurchaseOrder;
        Pages(path, "listPurchaseOrders", group, "Purchase orders of the stream and of this API, the latest ids first", "PurchaseOrderPage", order,
            PurchaseOrders.StateFilter, PurchaseOrders.VendorFilter, PurchaseOrders.SkuFilter, PurchaseOrders.LocationFilter);
        Document(one, "getPurchaseOrder", group, "One purchase order", order, missing);
        Command("POST", path, "createPurchaseOrder", group, "Makes a purchase order, whose units count as supply on their day", MovingJson.Default.PurchaseOrderRequest, order,
            "409 purchase-order-exists, 409 conflict, 503 positions-behind, 503 reference-loading", statuses: [201]);
        Command("POST", one + "/receive", "receivePurchaseOrder", group, "Units arrive", MovingJson.Default.PurchaseReceiptRequest, order, change + ", 409 over-receipt, 409 under-receipt",
            text: "Settings receiving.overReceiptPercent and receiving.underReceiptPercent.");
        Command("POST", one + "/close", "closePurchaseOrder", group, "Nothing more is expected of it", MovingJson.Default.EndRequest, order, change);
        Command("POST", one + "/cancel", "cancelPurchaseOrder", group, "It never was; only while nothing has arrived", MovingJson.Default.EndRequest, order, change);
    }

    private void DescribeCounts()
    {
        const string group = "Counts", path = CountEndpoints.Path, one = path + "/{id}", missing = "404 count-not-found";
        const string plan = CountEndpoints.PlanPath + "/{sku}/{location}", planRoute = CountEndpoints.PlanPath + "/{**id}";
        const string change = missing + ", 409 wrong-state, 409 conflict, 412 revision-changed";
        var sheet = CountJson.Default.CountSheet;
        string[] filters = [CountPlans.StateFilter, CountPlans.LocationFilter, CountPlans.SkuFilter];
        Pages(CountEndpoints.PlanPath, "listCountPlans", group, "How often positions are counted", "CountPlanPage", CountJson.Default.CountPlan, filters);
        Document(plan, "getCountPlan", group, "One count plan", CountJson.Default.CountPlan, "404 count-plan-not-found", planRoute);
        Command("POST", plan, "putCountPlan", group, "Makes a count plan or changes its class", CountJson.Default.CountPlanRequest, CountJson.Default.CountPlan,
            "409 conflict, 412 revision-changed, 503 reference-loading", planRoute, [200, 201]);
        Command("DELETE", plan, "deleteCountPlan", group, "Removes a count plan; a sheet of it stays", CountJson.Default.EndRequest, CountJson.Default.CountPlan,
            "404 count-plan-not-found, 409 conflict, 412 revision-changed", planRoute, hasRevision: false);
        Pages(path, "listCounts", group, "Counts, the latest first", "CountPage", sheet, filters);
        Document(one, "getCount", group, "One count", sheet, missing);
        Command("POST", path, "createCount", group, "Makes a sheet to fill in", CountJson.Default.CountRequest, sheet, "503 reference-loading", statuses: [201]);
        Command("POST", one + "/entry", "enterCount", group, "Tells the units that were counted", CountJson.Default.CountEntryRequest, sheet, change + ", 409 insufficient-stock, 503 positions-behind",
            text: "Within counts.thresholdUnits and counts.thresholdValue the variance is posted at once; above, a second person approves or rejects.");
        Command("POST", one + "/approve", "approveCount", group, "A second person lets the variance be posted", CountJson.Default.CountApprovalRequest, sheet,
            change + ", 403 same-person, 409 insufficient-stock, 503 positions-behind");
        Command("POST", one + "/reject", "rejectCount", group, "A second person refuses the variance; nothing is posted", CountJson.Default.CountRejectionRequest, sheet, change);
        var days = new StockOptions().RetainDays;
        Add(Get(CountEndpoints.ShrinkagePath, CountEndpoints.ShrinkagePath, "getShrinkage", group, "What the approved counts found missing",
            ApiParts.Query("location_id", Text, "All locations unless given."), ApiParts.Number("days", 1, days, "Setting stock.retainDays, which is also what is taken unless given.")) with
        {
            Answers = [new(200, "The sums.", Schemas.Answer(CountJson.Default.ShrinkagePayload))],
        }, ApiProblems.Guard, ApiProblems.Stock, "400 bad-value");
    }
}
