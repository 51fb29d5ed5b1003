//! A workflow of one task.

cloacina_workflow_plugin::package!();

#[cloacina_workflow::workflow(name = "etl", description = "Extracts")]
pub mod etl {
    use cloacina_workflow::{task, Context, TaskError};

    #[task(id = "extract", dependencies = [])]
    pub async fn extract(context: &mut Context<serde_json::Value>) -> Result<(), TaskError> {
        context.insert("extracted", serde_json::json!(true))?;
        Ok(())
    }
}
