-- What customers owe and what they paid in advance: open instalments, and confirmed receipts that are not allocated in full. Whoever looks sees its
-- own tenant's rows, as in the tables themselves.
CREATE VIEW receivable WITH (security_invoker = true) AS
    SELECT tenant_id, account_id, amount_currency, account_name, owner_id, due_date, amount - allocated AS open, false AS paid
    FROM payment_plan
    WHERE state IN (1, 2) AND delete_time IS NULL
    UNION ALL
    SELECT tenant_id, account_id, amount_currency, account_name, owner_id, receive_date, amount - allocated, true
    FROM receipt
    WHERE state = 2 AND delete_time IS NULL;
