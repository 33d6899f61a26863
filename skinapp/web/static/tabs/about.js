// A tab's components are mounted when it is first opened: then this one asks for its content.
trigger("load");
