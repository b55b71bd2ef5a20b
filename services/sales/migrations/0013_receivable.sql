-- What customers owe and what they paid in advance: instalments, and receipts. Whoever looks sees its own tenant's rows, as in the tables themselves.
-- Rows that are not `counted` are closed. That is not a condition here, because only parts without one give their rows in the order of an index.
CREATE VIEW receivable WITH (security_invoker = true) AS
    SELECT tenant_id, account_id, amount_currency, account_name, owner_id, due_date, amount - allocated AS open, false AS paid,
           state IN (1, 2) AS counted, delete_time
    FROM payment_plan
    UNION ALL
    SELECT tenant_id, account_id, amount_currency, account_name, owner_id, receive_date, amount - allocated, true, state = 2, delete_time
    FROM receipt;
