"""First floor: rows in, a learner's input out; nothing here touches a network or a clock."""
